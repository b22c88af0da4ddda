// Incidents: the list, and the chosen one with its causes, map and timeline.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../api/http";
import { live } from "../../api/live";
import type { Incident, Page } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Empty, Ready } from "../../parts/Notes";
import { hrefOf, one, place, setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import { dayClock, span } from "../../time/format";
import { Detail } from "./Detail";
import "../../parts/parts.css";
import "./incidents.css";

const states = ["", "open", "closed"] as const;

/** Open ones first, then by time; a newer version replaces the older. */
export function arranged(items: readonly Incident[], found?: Incident): Incident[] {
  const newest = new Map<string, Incident>();
  for (const i of found ? [...items, found] : items) {
    const old = newest.get(i.id);
    if (!old || old.version < i.version) newest.set(i.id, i);
  }
  return [...newest.values()]
    .filter((i) => i.state !== "merged")
    .sort((a, b) => Number(b.state === "open") - Number(a.state === "open") || b.opened_ms - a.opened_ms);
}

function Entry({ incident: i, here }: { incident: Incident; here: boolean }) {
  return (
    <li>
      <a
        class="incident"
        href={hrefOf(place.value.path, place.value.query, { id: i.id })}
        aria-current={here ? "true" : undefined}
      >
        <Mark state={i.state === "open" ? i.severity : "closed"} />
        <b>{i.title}</b>
        <span class="soft">
          {dayClock(i.opened_ms)} ·{" "}
          {t(i.state === "open" ? "incidents.since" : "incidents.lasted", {
            span: span((i.closed_ms ?? Date.now()) - i.opened_ms),
          })}
        </span>
      </a>
    </li>
  );
}

export default function Incidents() {
  const state = one("state");
  const found = useResource<Page<Incident>>(`incidents|${state}`, (abort) =>
    get("/incidents", { state, limit: 100 }, abort),
  );
  const latest = useSignal<Page<Incident> | null>(null);
  latest.value = found.data;
  const { put } = found;
  useEffect(
    () =>
      live.want({
        topic: "incidents",
        onFinding: (item) => {
          const page = latest.peek();
          if (page) put({ ...page, items: arranged(page.items, item as Incident) });
        },
      }),
    [put, latest],
  );
  return (
    <Ready of={found}>
      {(page) => {
        const list = arranged(page.items).filter((i) => !state || i.state === state);
        // A message of a channel names the incident in its path.
        const wanted = one("id") || place.value.path.split("/")[2];
        const chosen = list.find((i) => i.id === wanted) ?? list[0];
        return (
          <>
            <div class="tools">
              <span class="segments">
                {states.map((s) => (
                  <button
                    key={s}
                    type="button"
                    aria-pressed={state === s}
                    onClick={() => setQuery({ state: s, id: null })}
                  >
                    {t(`incidents.state_${s || "all"}`)}
                  </button>
                ))}
              </span>
            </div>
            {chosen ? (
              <div class="incidents">
                <ul class="panel" aria-label={t("incidents.list")}>
                  {list.map((i) => (
                    <Entry key={i.id} incident={i} here={i.id === chosen.id} />
                  ))}
                </ul>
                <Detail key={chosen.id} incident={chosen} />
              </div>
            ) : (
              <Empty title={t("incidents.none")}>
                <p>{t("incidents.none_why")}</p>
              </Empty>
            )}
          </>
        );
      }}
    </Ready>
  );
}
