// What on-call was told, what was held back and why, and whether it arrived.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../api/http";
import { live } from "../../api/live";
import type { Alert, Page } from "../../api/types";
import { t } from "../../i18n";
import { Empty, Ready } from "../../parts/Notes";
import { one, setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import { AlertLine } from "./AlertLine";
import { Deliveries } from "./Deliveries";
import "../../parts/parts.css";
import "./alerts.css";

const states = ["", "firing", "acknowledged", "pending", "resolved"] as const;
const rank: Record<string, number> = { firing: 0, acknowledged: 1, pending: 2, resolved: 3 };

/** Newest version of each, firing first, newest first. */
export function arranged(items: readonly Alert[], found?: Alert): Alert[] {
  const newest = new Map<string, Alert>();
  for (const a of found ? [...items, found] : items) {
    const old = newest.get(a.id);
    if (!old || old.version < a.version) newest.set(a.id, a);
  }
  return [...newest.values()].sort(
    (a, b) => (rank[a.state] ?? 9) - (rank[b.state] ?? 9) || b.started_ms - a.started_ms,
  );
}

export default function Alerts() {
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
        const list = all.filter((a) => !state || a.state === state);
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
            </div>
            {list.length === 0 ? (
              <Empty title={t("alerts.none")}>
                <p>{t("alerts.none_why")}</p>
              </Empty>
            ) : (
              <ol class="panel" aria-label={t("alerts.list")}>
                {list.map((a) => (
                  <AlertLine key={a.id} alert={a} />
                ))}
              </ol>
            )}
            <Deliveries />
          </>
        );
      }}
    </Ready>
  );
}
