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

/** A copy without what was before `fromMs`. */
function since(columns: Columns, fromMs: number): Columns {
  const drop = columns.ts.findIndex((ts) => ts >= fromMs);
  const cut = drop < 0 ? columns.ts.length : drop;
  const out = { ts: columns.ts.slice(cut) } as Columns;
  for (const name of columnNames) out[name] = columns[name].slice(cut);
  return out;
}

/** Adds live points behind what is there and lets go of those before `fromMs`. A point that is not newer than the last is known already. */
export function appendLive(columns: Columns, points: LivePoints, fromMs: number): Columns {
  const last = columns.ts.at(-1) ?? Number.NEGATIVE_INFINITY;
  const start = points.ts.findIndex((ts) => ts > last);
  if (start < 0 && (columns.ts[0] ?? fromMs) >= fromMs) return columns;
  const out = since(columns, fromMs);
  if (start < 0) return out;
  const { value, score, expected, lower, upper } = points;
  const fresh = { value, low: value, high: value, score, expected, lower, upper };
  out.ts = out.ts.concat(points.ts.slice(start));
  for (const name of columnNames) {
    const column = fresh[name] ?? new Array<null>(points.ts.length).fill(null);
    out[name] = out[name].concat(column.slice(start));
  }
  return out;
}

/** How far live points have been taken into buckets: until `heardMs`, `n` of them in the last bucket. */
export interface Folded {
  columns: Columns;
  heardMs: number;
  n: number;
}

/** Takes live points into buckets behind what is there: extremes and worst score are exact; so is the mean, but for points taken twice. */
export function foldLive({ columns, heardMs, n }: Folded, points: LivePoints, fromMs: number, stepMs: number): Folded {
  const out = since(columns, fromMs);
  points.ts.forEach((ts, i) => {
    const value = points.value[i];
    const bucket = Math.floor(ts / stepMs) * stepMs;
    if (ts <= heardMs || value === null || value === undefined || bucket < (out.ts.at(-1) ?? 0)) return;
    if (bucket !== out.ts.at(-1)) {
      out.ts.push(bucket);
      for (const name of columnNames) out[name].push(null);
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
