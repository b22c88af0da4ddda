// Panels of newest values: stat, gauge, bars, table, top list. They follow the live overview's pace: asked again every few seconds.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useCallback } from "preact/hooks";
import type { SeriesRow } from "../../../api/types";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { Ready } from "../../../parts/Notes";
import { SeriesName } from "../../../parts/series";
import { linkTo } from "../../../state/location";
import { useEvery } from "../../../state/resource";
import { clock } from "../../../time/format";
import { quantity, score } from "../../../units/format";
import type { PanelProps } from "../registry";
import { useSeries } from "../useSeries";
import { arc, share } from "./arc";
import { shortNames } from "./Lines";
import { NoSeries } from "./NoSeries";

const everyMs = 5000;

function Rows({
  query,
  order,
  children,
}: Pick<PanelProps, "query"> & { order?: string; children: (rows: SeriesRow[]) => ComponentChildren }) {
  const turn = useSignal(0);
  const found = useSeries(query, turn.value, order);
  useEvery(
    everyMs,
    useCallback(() => {
      turn.value++;
    }, [turn]),
  );
  if (!found.data && !found.loading && !found.error) return <NoSeries />;
  return <Ready of={found}>{(page) => (page.items.length === 0 ? <NoSeries asked /> : children(page.items))}</Ready>;
}

export function Stat({ query }: PanelProps) {
  return (
    <Rows query={{ ...query, limit: 1 }}>
      {([s]) =>
        s && (
          <a class="stat" href={linkTo("/explore", { series: [s.id] })}>
            <b>{quantity(s.value, s.unit)}</b>
            <span>
              <Mark state={s.state} word /> {s.score !== null && score(s.score)}
            </span>
            <span class="soft">{s.last_ms ? clock(s.last_ms) : ""}</span>
          </a>
        )
      }
    </Rows>
  );
}

export function Gauge({ panel, query }: PanelProps) {
  const low = Number(panel.options["low"] ?? 0);
  const high = Number(panel.options["high"] ?? 100);
  return (
    <Rows query={{ ...query, limit: 1 }}>
      {([s]) =>
        s && (
          <figure class="dial">
            <svg
              viewBox="0 0 120 76"
              role="img"
              aria-label={t("dashboards.gauge", {
                value: quantity(s.value, s.unit),
                low: quantity(low, s.unit),
                high: quantity(high, s.unit),
              })}
            >
              <path class="dial-all" d={arc(0, 1)} />
              <path class={(s.score ?? 0) >= 1 ? "dial-odd" : "dial-now"} d={arc(0, share(s.value, low, high))} />
              <text x="60" y="62" text-anchor="middle">
                {quantity(s.value, s.unit)}
              </text>
            </svg>
            <figcaption>
              <span>{quantity(low, s.unit)}</span>
              <Mark state={s.state} word />
              <span>{quantity(high, s.unit)}</span>
            </figcaption>
          </figure>
        )
      }
    </Rows>
  );
}

export function Bars({ query }: PanelProps) {
  return (
    <Rows query={query}>
      {(rows) => {
        const names = shortNames(rows);
        const top = Math.max(1e-12, ...rows.map((r) => Math.abs(r.value ?? 0)));
        return (
          <ul class="bars">
            {rows.map((r, i) => (
              <li key={r.id}>
                <a href={linkTo("/explore", { series: [r.id] })}>{names[i]}</a>
                <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                  <rect
                    class={(r.score ?? 0) >= 1 ? "bar-odd" : "bar-now"}
                    width={(Math.abs(r.value ?? 0) / top) * 100}
                    height="10"
                    rx="1"
                  />
                </svg>
                <b class="num">{quantity(r.value, r.unit)}</b>
              </li>
            ))}
          </ul>
        );
      }}
    </Rows>
  );
}

export function Table({ query }: PanelProps) {
  return (
    <Rows query={query}>
      {(rows) => (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{t("dashboards.col_series")}</th>
              <th scope="col" class="num">
                {t("dashboards.col_value")}
              </th>
              <th scope="col" class="num">
                {t("dashboards.col_score")}
              </th>
              <th scope="col">{t("dashboards.col_state")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.id}>
                <td>
                  <a href={linkTo("/explore", { series: [r.id] })}>
                    <SeriesName metric={r.metric} labels={r.labels} />
                  </a>
                </td>
                <td class="num">{quantity(r.value, r.unit)}</td>
                <td class="num">{score(r.score)}</td>
                <td>
                  <Mark state={r.state} word />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Rows>
  );
}

/** Odd ones stand first when scores are asked for: a value back inside its band is still part of an open episode. */
export function ranked(rows: readonly SeriesRow[], by: "score" | "value"): SeriesRow[] {
  const odd = (r: SeriesRow): number => Number(by === "score" && r.state === "odd");
  const key = (r: SeriesRow): number => r[by] ?? Number.NEGATIVE_INFINITY;
  return [...rows].sort((a, b) => odd(b) - odd(a) || key(b) - key(a));
}

export function TopK({ panel, query }: PanelProps) {
  const by = panel.options["by"] === "value" ? "value" : "score";
  return (
    <Rows query={query} order={by}>
      {(rows) => (
        <ol class="topk">
          {ranked(rows, by).map((r) => (
            <li key={r.id}>
              <Mark state={r.state} />
              <a href={linkTo("/explore", { series: [r.id] })}>
                <SeriesName metric={r.metric} labels={r.labels} />
              </a>
              <b class="num">{by === "score" ? score(r.score) : quantity(r.value, r.unit)}</b>
            </li>
          ))}
        </ol>
      )}
    </Rows>
  );
}
