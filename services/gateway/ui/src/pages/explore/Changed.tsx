// What changed in the window on screen: every series of the tenant against the same length of time before it, ranked at the gateway.
import { get } from "../../api/http";
import type { Labels } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Ready } from "../../parts/Notes";
import { SeriesName } from "../../parts/series";
import { many, setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import { dayClock } from "../../time/format";
import type { Range } from "../../time/range";
import { percent, quantity } from "../../units/format";

interface Row {
  id: string;
  metric?: string;
  labels?: Labels;
  unit?: string;
  before: number;
  during: number;
  odd_share: number;
  rank: number;
}

/** The window is asked in steps of this, so that a live page does not ask anew each second. */
const stepMs = 10_000;

function Line({ row, top }: { row: Row; top: number }) {
  const chosen = many("series");
  const on = chosen.includes(row.id);
  return (
    <li>
      <label>
        <input
          type="checkbox"
          checked={on}
          onChange={() => setQuery({ series: on ? chosen.filter((x) => x !== row.id) : [...chosen, row.id] })}
        />
        <Mark state={row.odd_share > 0 ? "odd" : "ok"} />
        <SeriesName metric={row.metric ?? row.id} labels={row.labels ?? {}} />
        <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect width={Math.max((row.rank / top) * 100, 0.5)} height="8" rx="1" />
        </svg>
        <span class="num">
          {quantity(row.before, row.unit)} › <b>{quantity(row.during, row.unit)}</b>
        </span>
        <span class="soft num">{row.odd_share > 0 ? t("explore.odd_share", { p: percent(row.odd_share) }) : ""}</span>
      </label>
    </li>
  );
}

export default function Changed({ range, service }: { range: Range; service: string }) {
  const from = Math.floor(range.fromMs / stepMs) * stepMs;
  const to = Math.floor(range.toMs / stepMs) * stepMs;
  const found = useResource<{ items: Row[] }>(`changed|${from}|${to}|${service}`, (abort) =>
    get("/changed", { from, to, service, limit: 20 }, abort),
  );
  return (
    <section class="panel changed">
      <header>
        <h2>{t("explore.changed")}</h2>
        <span class="soft">{t("explore.changed_what", { from: dayClock(from), to: dayClock(to) })}</span>
        <button
          type="button"
          class="btn plain"
          aria-label={t("explore.changed_close")}
          onClick={() => setQuery({ changed: null })}
        >
          ×
        </button>
      </header>
      <Ready of={found}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="finder-none pad">{t("explore.changed_none")}</p>
          ) : (
            <ol>
              {items.map((row) => (
                <Line key={row.id} row={row} top={items[0]?.rank || 1} />
              ))}
            </ol>
          )
        }
      </Ready>
    </section>
  );
}
