// What a link carries: the series of its panels, and, when it is frozen, their values. Pure, but for the requests that gather them.
import { get } from "../../api/http";
import type { Page, RangeAnswer, RangeSeries, SeriesRow } from "../../api/types";
import { type Dashboard, filled, isEmpty, type Query } from "../dashboards/model";
import { panelType } from "../dashboards/registry";

export interface Frozen {
  made_ms: number;
  from: number;
  to: number;
  step_ms: number;
  values: Record<string, string>;
  rows: SeriesRow[];
  series: RangeSeries[];
}

/** The gateway takes at most so many series in a link and in one range. */
const mostSeries = 500;
const together = 40;
const points = 240;

/** The series that the panels of a dashboard mean, each once. */
export async function rowsOf(dashboard: Dashboard, values: Record<string, string>): Promise<SeriesRow[]> {
  const asked = dashboard.panels.filter((p) => panelType(p.type)?.series).map((p) => filled(p.query, values));
  const pages = await Promise.all(
    asked
      .filter((q) => !isEmpty(q) || q.any)
      .map(({ q, metric, service, host, limit }) =>
        get<Page<SeriesRow>>("/series", { q, metric, service, host, limit }),
      ),
  );
  return [...new Map(pages.flatMap((p) => p.items).map((r) => [r.id, r])).values()].slice(0, mostSeries);
}

export async function freeze(
  dashboard: Dashboard,
  values: Record<string, string>,
  range: { fromMs: number; toMs: number },
): Promise<Frozen> {
  const rows = await rowsOf(dashboard, values);
  const [from, to] = [Math.round(range.fromMs), Math.round(range.toMs)];
  const series: RangeSeries[] = [];
  let step_ms = 0;
  for (let i = 0; i < rows.length; i += together) {
    const ids = rows.slice(i, i + together).map((r) => r.id);
    const answer = await get<RangeAnswer>("/range", { series: ids, from, to, points });
    series.push(...answer.series);
    step_ms = Math.max(step_ms, answer.step_ms);
  }
  return { made_ms: Date.now(), from, to, step_ms, values, rows, series };
}

/** The newest row of each series of a range: what panels of newest values show behind a link. */
export function newestOf(series: readonly RangeSeries[]): SeriesRow[] {
  return series.map((s) => {
    const i = s.value.findLastIndex((v) => v !== null);
    const score = s.score[i] ?? null;
    return {
      id: s.id,
      metric: s.metric,
      labels: s.labels,
      unit: s.unit,
      kind: "gauge",
      last_ms: s.ts[i] ?? null,
      score,
      value: s.value[i] ?? null,
      state: score !== null && score >= 1 ? "odd" : "ok",
    };
  });
}

/** The rows that a panel's query means, found as the gateway would: every word in the name, filters exact. */
export function found(rows: readonly SeriesRow[], query: Partial<Query>): SeriesRow[] {
  const words = (query.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (r: SeriesRow): boolean => {
    const text = [r.metric, ...Object.values(r.labels)].join(" ").toLowerCase();
    return (
      words.every((w) => text.includes(w)) &&
      (!query.metric || r.metric === query.metric) &&
      (!query.service || r.labels["service"] === query.service) &&
      (!query.host || r.labels["host"] === query.host)
    );
  };
  return rows.filter(fits).slice(0, query.limit ?? 50);
}
