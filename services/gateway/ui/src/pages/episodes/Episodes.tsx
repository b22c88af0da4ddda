// All stretches that were not as expected: filter, open one to see it, say whether it was right.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../api/http";
import { live } from "../../api/live";
import type { Episode, Page } from "../../api/types";
import { t } from "../../i18n";
import { Empty, Ready } from "../../parts/Notes";
import { RangePicker } from "../../parts/RangePicker";
import { useRange } from "../../parts/useRange";
import { one, setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import { Line } from "./Line";
import "../../parts/parts.css";
import "./episodes.css";

const states = ["", "open", "closed"] as const;
const kinds = ["", "anomaly", "step", "trend", "variance", "season", "missing"] as const;
const pageSize = 50;

/** A live version replaces the older one in place or enters on top; an older version than the one shown is dropped. */
export function merged(items: readonly Episode[], found: Episode): Episode[] {
  const i = items.findIndex((e) => e.id === found.id);
  const old = items[i];
  if (!old) return [found, ...items];
  if (old.version >= found.version) return [...items];
  return items.map((e, j) => (j === i ? found : e));
}

function Filters() {
  return (
    <>
      <span class="segments">
        {states.map((s) => (
          <button key={s} type="button" aria-pressed={one("state") === s} onClick={() => setQuery({ state: s })}>
            {t(`episodes.state_${s || "all"}`)}
          </button>
        ))}
      </span>
      <label>
        <span class="only-read">{t("episodes.kind")}</span>
        <select class="field" value={one("kind")} onChange={(e) => setQuery({ kind: e.currentTarget.value })}>
          {kinds.map((k) => (
            <option key={k} value={k}>
              {t(`episodes.kind_${k || "all"}`)}
            </option>
          ))}
        </select>
      </label>
      <input
        type="search"
        class="field"
        aria-label={t("episodes.service")}
        placeholder={t("episodes.service")}
        value={one("service")}
        onChange={(e) => setQuery({ service: e.currentTarget.value })}
      />
    </>
  );
}

function fits(e: Episode): boolean {
  const [state, kind, service] = [one("state"), one("kind"), one("service")];
  return (!state || e.state === state) && (!kind || e.kind === kind) && (!service || e.labels["service"] === service);
}

export default function Episodes() {
  const range = useRange("now-24h", 30_000);
  const filters = { state: one("state"), kind: one("kind"), service: one("service"), series: one("series") };
  const size = useSignal(pageSize);
  const found = useResource<Page<Episode>>(JSON.stringify([filters, range.key, size.value]), (abort) =>
    get(
      "/episodes",
      { ...filters, from: Math.round(range.fromMs), to: Math.round(range.toMs), limit: size.value },
      abort,
    ),
  );
  const latest = useSignal<Page<Episode> | null>(null);
  latest.value = found.data;
  const { put } = found;
  useEffect(() => {
    if (!range.live) return;
    return live.want({
      topic: "episodes",
      onFinding: (item) => {
        const e = item as Episode;
        const page = latest.peek();
        if (page && fits(e)) put({ ...page, items: merged(page.items, e) });
      },
    });
  }, [range.live, put, latest]);
  return (
    <div class="episodes">
      <div class="tools">
        <RangePicker range={range} fallback="now-24h" />
        <Filters />
      </div>
      <Ready of={found}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty title={t("episodes.none")}>
              <p>{t("episodes.none_why")}</p>
            </Empty>
          ) : (
            <>
              <ol class="panel lines" aria-label={t("episodes.list")}>
                {page.items.map((e) => (
                  <Line key={e.id} episode={e} />
                ))}
              </ol>
              {page.next && (
                <button type="button" class="btn" onClick={() => (size.value += pageSize)}>
                  {t("episodes.more")}
                </button>
              )}
            </>
          )
        }
      </Ready>
    </div>
  );
}
