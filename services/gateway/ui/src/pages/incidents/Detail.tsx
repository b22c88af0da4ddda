// One incident: what it is, what most likely caused it, whom it reaches, what happened when.
import { get } from "../../api/http";
import type { Affected, Edge, Incident, Page } from "../../api/types";
import { t } from "../../i18n";
import { DependencyMap, type Standing } from "../../map/DependencyMap";
import { nearby } from "../../map/layout";
import { Mark } from "../../parts/Mark";
import { Ready } from "../../parts/Notes";
import { save } from "../../parts/save";
import { linkTo } from "../../state/location";
import { useResource } from "../../state/resource";
import { clock, full, span } from "../../time/format";
import { percent } from "../../units/format";
import { Causes } from "./Causes";
import { Notes } from "./Notes";
import { report } from "./report";

export function standingOf(incident: Incident, name: string): Standing {
  if (incident.verdict === "cause" && incident.causes?.[0]?.entity === name) return { role: "cause" };
  const hit = incident.blast?.find((a) => a.entity === name);
  if (hit) return { role: hit.meaning === "live" ? "hit" : "at_risk", probability: hit.probability };
  if (incident.entities?.includes(name)) return { role: "odd" };
  return { role: "none" };
}

export type Entry = NonNullable<Incident["timeline"]>[number];

/** Entries of one kind about one thing are one line, with the newest words and how often it was said. */
export function gathered(timeline: readonly Entry[]): (Entry & { times: number })[] {
  const lines = new Map<string, Entry & { times: number }>();
  for (const e of timeline) {
    const key = e.ref && e.what !== "episode" ? `${e.what} ${e.ref}` : `${e.at_ms} ${e.what} ${e.text}`;
    const old = lines.get(key);
    lines.set(key, old ? { ...e, at_ms: old.at_ms, times: old.times + 1 } : { ...e, times: 1 });
  }
  return [...lines.values()].sort((a, b) => a.at_ms - b.at_ms);
}

function Blast({ blast }: { blast: readonly Affected[] }) {
  if (blast.length === 0) return <p class="pad soft">{t("incidents.blast_none")}</p>;
  return (
    <ul class="blast">
      {blast.map((a) => (
        <li key={a.entity}>
          <b>{a.entity}</b>
          <span>{t(a.meaning === "live" ? "incidents.hit" : "incidents.at_risk", { p: percent(a.probability) })}</span>
          <span class="soft">
            {a.eta_s ? t("incidents.eta", { span: span(a.eta_s * 1000) }) : ""} {(a.path ?? []).join(" › ")}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Reach({ incident }: { incident: Incident }) {
  const edges = useResource<Page<Edge>>("edges", (abort) => get("/edges", { limit: 1000 }, abort));
  const seeds = [
    ...new Set([
      ...(incident.entities ?? []),
      ...(incident.causes ?? []).slice(0, 3).map((c) => c.entity),
      ...(incident.blast ?? []).map((a) => a.entity),
    ]),
  ];
  return (
    <section class="panel">
      <header>
        <h2>{t("incidents.reach")}</h2>
      </header>
      <Ready of={edges}>
        {(page) => {
          const names = nearby(
            seeds,
            page.items.map((e) => ({ from: e.caller, to: e.callee })),
            1,
          );
          const shown = page.items.filter((e) => names.includes(e.caller) && names.includes(e.callee));
          return (
            <DependencyMap
              names={names}
              edges={shown}
              standing={(name) => standingOf(incident, name)}
              href={(name) => linkTo("/explore", { service: [name], from: incident.opened_ms - 18e5 })}
            />
          );
        }}
      </Ready>
      <Blast blast={(incident.blast ?? []).filter((a) => a.hops !== 0)} />
    </section>
  );
}

/** Where an entry leads: to the episode or the incident that it names. */
function leadsTo(incident: Incident, ref: string | undefined): string | null {
  if (ref?.startsWith("episode-"))
    return linkTo("/episodes", { open: ref, from: Math.round(incident.opened_ms - 864e5) });
  return ref?.startsWith("incident-") ? linkTo("/incidents", { id: ref }) : null;
}

function Timeline({ incident }: { incident: Incident }) {
  return (
    <section class="panel">
      <header>
        <h2>{t("incidents.timeline")}</h2>
      </header>
      <ol class="timeline">
        {gathered(incident.timeline ?? []).map((e) => {
          const href = leadsTo(incident, e.ref);
          return (
            <li key={`${e.at_ms} ${e.what} ${e.text}`} class={`when-${e.what}`}>
              <time>{clock(e.at_ms)}</time>
              <span>
                {href ? <a href={href}>{e.text}</a> : e.text}
                {e.times > 1 && <span class="soft"> {t("incidents.times", { n: e.times })}</span>}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

export function Detail({ incident: i }: { incident: Incident }) {
  return (
    <article class="incident-detail">
      <header class="incident-head">
        <h2>{i.title}</h2>
        <p>
          <Mark state={i.state === "open" ? i.severity : "closed"} word />{" "}
          {t("incidents.opened", { time: full(i.opened_ms) })}
          {i.closed_ms ? ` · ${t("incidents.closed", { time: full(i.closed_ms) })}` : ""} ·{" "}
          {(i.entities ?? []).join(", ")}
        </p>
        <button
          type="button"
          class="btn"
          onClick={() => save(new Blob([report(i)], { type: "text/markdown" }), `incident-${i.id}.md`)}
        >
          {t("incidents.export")}
        </button>
      </header>
      <Causes incident={i} />
      <Reach incident={i} />
      <Timeline incident={i} />
      <Notes incident={i} />
    </article>
  );
}
