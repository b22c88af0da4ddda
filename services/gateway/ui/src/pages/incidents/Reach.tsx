// Whom an incident reaches: the map as of any moment of it, the affected with probability and time, and "what if this failed".
import { useSignal } from "@preact/signals";
import { get } from "../../api/http";
import type { Affected, Edge, Impact, Incident, Page } from "../../api/types";
import { t } from "../../i18n";
import { DependencyMap, type Standing } from "../../map/DependencyMap";
import { nearby, telling } from "../../map/layout";
import { Ready } from "../../parts/Notes";
import { linkTo } from "../../state/location";
import { useResource } from "../../state/resource";
import { clock, span } from "../../time/format";
import { percent } from "../../units/format";
import { firstSigns, type Related } from "./related";

export function standingOf(incident: Incident, name: string): Standing {
  if (incident.verdict === "cause" && incident.causes?.[0]?.entity === name) return { role: "cause" };
  const hit = incident.blast?.find((a) => a.entity === name);
  if (hit) return { role: hit.meaning === "live" ? "hit" : "at_risk", probability: hit.probability };
  if (incident.entities?.includes(name)) return { role: "odd" };
  return { role: "none" };
}

/** The standing at a moment: before its own first sign, an entity that was hit is one at risk. */
export function standingAt(incident: Incident, name: string, first: Map<string, number>, atMs: number): Standing {
  const now = standingOf(incident, name);
  if (now.role === "none" || now.role === "at_risk") return now;
  return atMs >= (first.get(name) ?? incident.opened_ms) ? now : { ...now, role: "at_risk" };
}

function Affects({ blast, none }: { blast: readonly Affected[]; none: string }) {
  if (blast.length === 0) return <p class="pad soft">{none}</p>;
  return (
    <ul class="blast">
      {blast.map((a) => (
        <li key={a.entity}>
          <b>{a.entity}</b>
          <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class={a.meaning === "live" ? "blast-hit" : "blast-risk"} width={a.probability * 100} height="8" />
          </svg>
          <span>{t(a.meaning === "live" ? "incidents.hit" : "incidents.at_risk", { p: percent(a.probability) })}</span>
          <span class="soft">
            {a.eta_s ? t("incidents.eta", { span: span(a.eta_s * 1000) }) : ""} {(a.path ?? []).join(" › ")}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Sentences about how much is hit: always about users, about promises only where there are some inside. */
export function shares({ users, slos, slo_share, tickets, ticket_share }: Impact): string[] {
  const inside = (key: string, names: readonly string[] = [], share: number | null | undefined): string[] =>
    names.length ? [t(key, { p: percent(share ?? 0), names: names.join(", ") })] : [];
  return [
    users == null ? t("incidents.users_unknown") : t("incidents.users", { p: percent(users) }),
    ...inside("incidents.slos", slos, slo_share),
    ...inside("incidents.tickets", tickets, ticket_share),
  ];
}

/** The time whose map is asked for: none while it is now's, else the next full minute, so that a slide asks seldom. */
export function mapTime(closedMs: number | null | undefined, atMs: number | null): number | null {
  const moment = atMs ?? closedMs;
  return moment == null ? null : Math.ceil(moment / 6e4) * 6e4;
}

function WhatIf({ names }: { names: readonly string[] }) {
  const who = useSignal("");
  const found = useResource<{ affected: Affected[] }>(who.value || null, (abort) =>
    get("/whatif", { entity: who.value }, abort),
  );
  return (
    <div class="what-if">
      <label>
        {t("incidents.what_if")}{" "}
        <select class="field" value={who.value} onChange={(e) => (who.value = e.currentTarget.value)}>
          <option value="">–</option>
          {names.map((n) => (
            <option key={n}>{n}</option>
          ))}
        </select>
      </label>
      {who.value && <Ready of={found}>{(x) => <Affects blast={x.affected} none={t("incidents.blast_none")} />}</Ready>}
    </div>
  );
}

/** At its end it moves along with an incident that goes on. */
function Slider({ from, to, at }: { from: number; to: number; at: { value: number | null } }) {
  const value = at.value ?? to;
  return (
    <label class="slider">
      <span>{t("incidents.map_at")}</span>
      <input
        type="range"
        min={from}
        max={to}
        step={1000}
        value={value}
        aria-valuetext={clock(value)}
        onInput={(e) => {
          const chosen = Number(e.currentTarget.value);
          at.value = chosen >= to - 1000 ? null : chosen;
        }}
      />
      <output>{clock(value)}</output>
    </label>
  );
}

export function Reach({ incident, related }: { incident: Incident; related: Related }) {
  const at = useSignal<number | null>(null);
  const then = mapTime(incident.closed_ms, at.value);
  const edges = useResource<Page<Edge>>(`edges ${then}`, (abort) => get("/edges", then ? { at: then } : {}, abort));
  const first = firstSigns(related.episodes);
  const from = Math.min(incident.opened_ms, ...first.values()) - 3e4;
  const to = Math.max(incident.closed_ms ?? incident.updated_ms, from + 6e4);
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
      <ul class="pad shares">
        {shares(incident.impact ?? {}).map((s) => (
          <li key={s}>{s}</li>
        ))}
      </ul>
      <Ready of={edges}>
        {(page) => {
          const names = nearby(
            seeds,
            telling(page.items).map((e) => ({ from: e.caller, to: e.callee })),
            1,
          );
          const shown = page.items.filter((e) => names.includes(e.caller) && names.includes(e.callee));
          return (
            <>
              <DependencyMap
                names={names}
                edges={shown}
                standing={(name) =>
                  at.value === null ? standingOf(incident, name) : standingAt(incident, name, first, at.value)
                }
                href={(name) => linkTo("/explore", { service: [name], from: incident.opened_ms - 18e5 })}
              />
              <Slider from={from} to={to} at={at} />
              <Affects blast={(incident.blast ?? []).filter((a) => a.hops !== 0)} none={t("incidents.blast_none")} />
              <WhatIf names={names} />
            </>
          );
        }}
      </Ready>
    </section>
  );
}
