// One alert: state, what, since when; who has taken it on or what held it back; what a person can do with it.
import { useSignal } from "@preact/signals";
import { type ApiError, me, post } from "../../api/http";
import type { Alert } from "../../api/types";
import { known, t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { why } from "../../parts/Notes";
import { orderedLabels } from "../../parts/series";
import { linkTo } from "../../state/location";
import { dayClock, span } from "../../time/format";
import { Verdict } from "../episodes/Verdict";
import { matchersOf } from "./groups";

/** Only a web address may become a link: an annotation is text from outside. */
export function safeLink(text: string | undefined): string | null {
  return text && /^https?:\/\//i.test(text) ? text : null;
}

/** Annotations that have a place of their own. */
const placed = ["runbook", "owner", "acknowledged_by"];

/** Takes an alert, or all of a group, on; or gives it to somebody. Without a word it can only be handed on. */
export function Acknowledge({ target, word, quiet = false }: { target: string; word?: string; quiet?: boolean }) {
  const said = useSignal("");
  const acknowledge = (note: string): void => {
    post("/feedback", { target, verdict: "acknowledge", note }).then(
      () => {
        said.value = t("alerts.acknowledging");
      },
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  return (
    <>
      {word && (
        <button type="button" class={quiet ? "btn" : "btn main"} onClick={() => acknowledge("")}>
          {t(word)}
        </button>
      )}
      <form
        onSubmit={(e) => {
          e.preventDefault();
          acknowledge(`assign:${new FormData(e.currentTarget).get("who")}`);
        }}
      >
        <input
          class="field"
          name="who"
          size={12}
          maxLength={128}
          required
          pattern=".*\S.*"
          placeholder={t("alerts.assign")}
          aria-label={t("alerts.assign")}
        />
      </form>
      <output>{said.value}</output>
    </>
  );
}

/** Where its findings are: the incident, else the episode, else the series of its service. */
export function whereTo(a: Alert): string | null {
  const of = (kind: string): string | undefined => a.refs?.find((r) => r.startsWith(kind));
  const [incident, episode, service] = [of("incident-"), of("episode-"), a.labels?.["service"]];
  if (incident) return linkTo("/incidents", { id: incident });
  if (episode) return linkTo("/episodes", { open: episode, from: Math.round(a.started_ms - 864e5) });
  return service ? linkTo("/explore", { service: [service], from: Math.round(a.started_ms - 18e5) }) : null;
}

function Explained({ alert: a }: { alert: Alert }) {
  const facts = Object.entries(a.annotations ?? {}).filter(([name, text]) => text && !placed.includes(name));
  return (
    <dl class="alert-why">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{known(`alerts.a_${name}`) ?? name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function Actions({ alert: a }: { alert: Alert }) {
  const href = whereTo(a);
  const runbook = safeLink(a.annotations?.["runbook"]);
  const open = a.state !== "resolved";
  return (
    <div class="alert-do">
      {(a.state === "firing" || a.state === "acknowledged") && me.value?.role !== "viewer" && (
        <Acknowledge
          target={a.id}
          word={a.state === "firing" ? "alerts.acknowledge" : ""}
          quiet={Boolean(a.held_back_by)}
        />
      )}
      {href && (
        <a class="btn" href={href}>
          {t("alerts.look")}
        </a>
      )}
      {runbook && (
        <a class="btn" href={runbook} target="_blank" rel="noreferrer">
          {t("alerts.runbook")}
        </a>
      )}
      {open && me.value?.role !== "viewer" && (
        <a class="btn" href={linkTo("/alerts", { view: "silences", match: matchersOf(a.labels ?? {}) })}>
          {t("alerts.silence")}
        </a>
      )}
      {me.value?.role === "admin" && (
        <a class="btn" href={linkTo("/alerts", { view: "rules", id: a.rule })}>
          {t("alerts.rule")}
        </a>
      )}
    </div>
  );
}

export function AlertLine({ alert: a }: { alert: Alert }) {
  const open = useSignal(false);
  const end = a.ended_ms ?? Date.now();
  return (
    <li class="alert">
      <Mark state={a.state === "firing" ? a.severity : a.state} />
      <details onToggle={(e) => (open.value = e.currentTarget.open)}>
        <summary>
          <b>{a.title}</b>
          <span class="soft">
            {t(`parts.state_${a.state}`)} · {a.rule} · {dayClock(a.started_ms)} ·{" "}
            {t(a.state === "resolved" ? "alerts.lasted" : "alerts.since", { span: span(end - a.started_ms) })}
            {a.flapping ? ` · ${t("alerts.flapping")}` : ""}
            {a.annotations?.["owner"] ? ` · ${a.annotations["owner"]}` : ""}
          </span>
          {a.held_back_by && (
            <span class="held">
              {t("alerts.held_back", { gate: known(`alerts.gate_${a.held_back_by}`) ?? a.held_back_by })}
            </span>
          )}
          {a.acknowledged_by && <span>{t("alerts.taken_by", { who: a.acknowledged_by })}</span>}
        </summary>
        {open.value && (
          <>
            <Explained alert={a} />
            <p class="soft">
              {orderedLabels(a.labels ?? {})
                .map(([k, v]) => `${k}=${v}`)
                .join(" ")}
            </p>
            <Verdict target={a.id} seriesId="" />
          </>
        )}
      </details>
      <Actions alert={a} />
    </li>
  );
}
