// One alert: state, what, since when; who has taken it on or what held it back; acknowledge.
import { useSignal } from "@preact/signals";
import { type ApiError, me, post } from "../../api/http";
import type { Alert } from "../../api/types";
import { known, t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { why } from "../../parts/Notes";
import { orderedLabels } from "../../parts/series";
import { linkTo } from "../../state/location";
import { dayClock, span } from "../../time/format";

/** Only a web address may become a link: an annotation is text from outside. */
export function safeLink(text: string | undefined): string | null {
  return text && /^https?:\/\//i.test(text) ? text : null;
}

function Acknowledge({ alert }: { alert: Alert }) {
  const said = useSignal("");
  if (alert.state !== "firing" || me.value?.role === "viewer") return null;
  const acknowledge = (): void => {
    post("/feedback", { target: alert.id, verdict: "acknowledge" }).then(
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
      <button type="button" class="btn" onClick={acknowledge}>
        {t("alerts.acknowledge")}
      </button>
      <output>{said.value}</output>
    </>
  );
}

export function AlertLine({ alert: a }: { alert: Alert }) {
  const end = a.ended_ms ?? Date.now();
  const service = a.labels?.["service"];
  const runbook = safeLink(a.annotations?.["runbook"]);
  return (
    <li class="alert">
      <Mark state={a.state === "firing" ? a.severity : a.state} />
      <div class="alert-what">
        <b>{a.title}</b>
        <span class="soft">
          {t(`parts.state_${a.state}`)} · {a.rule} · {dayClock(a.started_ms)} ·{" "}
          {t(a.state === "resolved" ? "alerts.lasted" : "alerts.since", { span: span(end - a.started_ms) })}
          {a.flapping ? ` · ${t("alerts.flapping")}` : ""}
        </span>
        <span class="soft">
          {orderedLabels(a.labels ?? {})
            .map(([k, v]) => `${k}=${v}`)
            .join(" ")}
        </span>
        {a.held_back_by && (
          <span class="held">
            {t("alerts.held_back", { gate: known(`alerts.gate_${a.held_back_by}`) ?? a.held_back_by })}
          </span>
        )}
        {a.acknowledged_by && <span>{t("alerts.taken_by", { who: a.acknowledged_by })}</span>}
      </div>
      <div class="alert-do">
        <Acknowledge alert={a} />
        {service && (
          <a class="btn" href={linkTo("/explore", { service: [service], from: Math.round(a.started_ms - 18e5) })}>
            {t("alerts.look")}
          </a>
        )}
        {runbook && (
          <a class="btn" href={runbook} target="_blank" rel="noreferrer">
            {t("alerts.runbook")}
          </a>
        )}
      </div>
    </li>
  );
}
