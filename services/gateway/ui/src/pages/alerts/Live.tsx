// What fires now and what was over lately, in the groups in which on-call was told.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, me } from "../../api/http";
import { live } from "../../api/live";
import type { Alert, Page } from "../../api/types";
import { t } from "../../i18n";
import { Empty, Ready } from "../../parts/Notes";
import { linkTo, one, setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import { Acknowledge, AlertLine } from "./AlertLine";
import { arranged, type Group, grouped, matchersOf } from "./groups";

const states = ["", "firing", "acknowledged", "pending", "resolved"] as const;

function Together({ group: g }: { group: Group }) {
  return (
    <section class="panel group" aria-label={g.alerts[0]?.title ?? ""}>
      {g.alerts.length > 1 && (
        <header>
          <h2>{t("alerts.together", { n: g.alerts.length })}</h2>
          <span class="soft">{matchersOf(g.labels).join(" ")}</span>
          {me.value?.role !== "viewer" && g.alerts[0]?.state !== "resolved" && (
            <>
              {g.alerts[0]?.group && g.alerts.some((a) => a.state === "firing") && (
                <Acknowledge target={g.alerts[0].group} word="alerts.acknowledge_all" quiet />
              )}
              <a class="btn" href={linkTo("/alerts", { view: "silences", match: matchersOf(g.labels) })}>
                {t("alerts.silence_all")}
              </a>
            </>
          )}
        </header>
      )}
      <ol>
        {g.alerts.map((a) => (
          <AlertLine key={a.id} alert={a} />
        ))}
      </ol>
    </section>
  );
}

export function Live() {
  const found = useResource<Page<Alert>>("alerts", (abort) => get("/alerts", { limit: 200 }, abort));
  const latest = useSignal<Page<Alert> | null>(null);
  latest.value = found.data;
  const { put } = found;
  useEffect(
    () =>
      live.want({
        topic: "alerts",
        onFinding: (item) => {
          const page = latest.peek();
          if (page) put({ ...page, items: arranged(page.items, item as Alert) });
        },
      }),
    [put, latest],
  );
  const state = one("state");
  return (
    <Ready of={found}>
      {(page) => {
        const all = arranged(page.items);
        // A message leads to its group.
        const group = one("group");
        const list = all.filter((a) => (!state || a.state === state) && (!group || a.group === group));
        return (
          <>
            <div class="tools">
              <span class="segments">
                {states.map((s) => (
                  <button key={s} type="button" aria-pressed={state === s} onClick={() => setQuery({ state: s })}>
                    {s ? `${t(`parts.state_${s}`)} ${all.filter((a) => a.state === s).length}` : t("alerts.all")}
                  </button>
                ))}
              </span>
              {group && (
                <button type="button" class="btn" onClick={() => setQuery({ group: null })}>
                  {t("alerts.all_groups")}
                </button>
              )}
            </div>
            {list.length === 0 ? (
              <Empty title={t("alerts.none")}>
                <p>{t("alerts.none_why")}</p>
              </Empty>
            ) : (
              <div class="stack">
                {grouped(list).map((g) => (
                  <Together key={g.key} group={g} />
                ))}
              </div>
            )}
          </>
        );
      }}
    </Ready>
  );
}
