// Columns of a series as the chart draws them. Pure: no canvas, no clock.
import type { Column, LivePoints, RangeSeries } from "../api/types";

export interface Columns {
  ts: number[];
  value: Column;
  low: Column;
  high: Column;
  score: Column;
  expected: Column;
  lower: Column;
  upper: Column;
}

export const columnNames = ["value", "low", "high", "score", "expected", "lower", "upper"] as const;

/** The columns of an answer; a column that the answer leaves out becomes empty values. */
export function columnsOf(series: Pick<RangeSeries, "ts"> & Partial<RangeSeries>): Columns {
  const blank = (): Column => new Array<null>(series.ts.length).fill(null);
  const out: Columns = { ts: series.ts, value: [], low: [], high: [], score: [], expected: [], lower: [], upper: [] };
  for (const name of columnNames) {
    const column = series[name];
    out[name] = column && column.length === series.ts.length ? column : blank();
  }
  return out;
}

/** Adds live points behind what is there and lets go of those before `fromMs`. A point that is not newer than the last is known already. */
export function appendLive(columns: Columns, points: LivePoints, fromMs: number): Columns {
  const last = columns.ts.at(-1) ?? Number.NEGATIVE_INFINITY;
  const start = points.ts.findIndex((ts) => ts > last);
  const drop = columns.ts.findIndex((ts) => ts >= fromMs);
  const cut = drop < 0 ? columns.ts.length : drop;
  if (start < 0 && cut === 0) return columns;
  const fresh = start < 0 ? points.ts.length : start;
  const join = (a: Column, b: Column | undefined): Column =>
    a.slice(cut).concat(b ? b.slice(fresh) : new Array(points.ts.length - fresh).fill(null));
  return {
    ts: columns.ts.slice(cut).concat(points.ts.slice(fresh)),
    value: join(columns.value, points.value),
    low: join(columns.low, points.value),
    high: join(columns.high, points.value),
    score: join(columns.score, points.score),
    expected: join(columns.expected, points.expected),
    lower: join(columns.lower, points.lower),
    upper: join(columns.upper, points.upper),
  };
}

/** How far live points have been taken into buckets: until `heardMs`, `n` of them in the last bucket. */
export interface Folded {
  columns: Columns;
  heardMs: number;
  n: number;
}

/** Takes live points into buckets behind what is there: extremes and worst score are exact; so is the mean, but for points taken twice. */
export function foldLive({ columns, heardMs, n }: Folded, points: LivePoints, fromMs: number, stepMs: number): Folded {
  const c = appendLive(columns, { id: points.id, ts: [] } as unknown as LivePoints, fromMs);
  const out = Object.fromEntries(Object.entries(c).map(([name, column]) => [name, [...column]])) as unknown as Columns;
  points.ts.forEach((ts, i) => {
    const value = points.value[i];
    const bucket = Math.floor(ts / stepMs) * stepMs;
    if (ts <= heardMs || value === null || value === undefined || bucket < (out.ts.at(-1) ?? 0)) return;
    if (bucket !== out.ts.at(-1)) {
      out.ts.push(bucket);
      for (const name of columnNames) out[name].push(null);
      n = 0;
    }
    const k = out.ts.length - 1;
    n = out.value[k] === null ? 1 : n + 1;
    out.value[k] = (out.value[k] ?? 0) + (value - (out.value[k] ?? 0)) / n;
    out.low[k] = Math.min(out.low[k] ?? value, value);
    out.high[k] = Math.max(out.high[k] ?? value, value);
    out.score[k] = Math.max(out.score[k] ?? 0, points.score?.[i] ?? 0);
    for (const name of ["expected", "lower", "upper"] as const)
      out[name][k] = points[name]?.[i] ?? out[name][k] ?? null;
  });
  return { columns: out, heardMs: Math.max(heardMs, points.ts.at(-1) ?? 0), n };
}

/** Index pairs [first, last] of the runs whose score is at or above the boundary. */
export function oddRuns(score: Column): [number, number][] {
  const runs: [number, number][] = [];
  let start = -1;
  for (let i = 0; i <= score.length; i++) {
    const odd = i < score.length && (score[i] ?? 0) >= 1;
    if (odd && start < 0) start = i;
    if (!odd && start >= 0) {
      runs.push([start, i - 1]);
      start = -1;
    }
  }
  return runs;
}

export interface Summary {
  n: number;
  low: number | null;
  high: number | null;
  odd: number;
}

/** What a reader hears instead of the picture. */
export function summary(c: Columns): Summary {
  let low: number | null = null;
  let high: number | null = null;
  let n = 0;
  for (let i = 0; i < c.ts.length; i++) {
    const v = c.value[i];
    if (v === null || v === undefined) continue;
    n++;
    const lo = c.low[i] ?? v;
    const hi = c.high[i] ?? v;
    if (low === null || lo < low) low = lo;
    if (high === null || hi > high) high = hi;
  }
  return { n, low, high, odd: c.score.reduce<number>((a, s) => a + ((s ?? 0) >= 1 ? 1 : 0), 0) };
}
