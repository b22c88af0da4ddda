// A forecast behind its history as one set of columns: the band is the outer interval, the low-high wash the inner one. Pure.
import type { Forecast } from "../../api/types";
import type { Columns } from "../../charts/columns";

/** Indices of the outermost and the innermost interval among the levels (which rise). */
export function intervals(levels: readonly number[]): { outer: [number, number]; inner: [number, number] } | null {
  if (levels.length < 2) return null;
  const last = levels.length - 1;
  const below = levels.filter((l) => l < 0.5).length - 1;
  const above = levels.findIndex((l) => l > 0.5);
  if (below < 0 || above < 0) return null;
  return { outer: [0, last], inner: [below, above] };
}

/** The columns of the history with the forecast's steps appended; steps that the history already covers are left out. */
export function withFan(history: Columns, f: Forecast): Columns {
  const places = intervals(f.levels);
  const last = history.ts.at(-1) ?? Number.NEGATIVE_INFINITY;
  const steps = f.mean
    .map((mean, k) => ({ ts: f.made_at_ms + (k + 1) * f.step_ms, mean, k }))
    .filter((s) => s.ts > last);
  const level = (which: number | undefined, k: number): number | null =>
    which === undefined ? null : (f.quantiles[which]?.[k] ?? null);
  const blank = steps.map(() => null);
  return {
    ts: history.ts.concat(steps.map((s) => s.ts)),
    value: history.value.concat(blank),
    score: history.score.concat(blank),
    expected: history.expected.concat(steps.map((s) => s.mean)),
    lower: history.lower.concat(steps.map((s) => level(places?.outer[0], s.k))),
    upper: history.upper.concat(steps.map((s) => level(places?.outer[1], s.k))),
    low: history.low.concat(steps.map((s) => level(places?.inner[0], s.k))),
    high: history.high.concat(steps.map((s) => level(places?.inner[1], s.k))),
  };
}

/** Earlier forecasts whose time has come, as the gateway sends them. */
export interface Past {
  ts: number[];
  step_ms: number[];
  actual: number[];
  mean: number[];
  inside: number[];
}

/**
 * What was foreseen, on the times of the history: each value at the nearest time within half a step. Times without one are undefined,
 * over which the line goes on. Only the finest step is taken: two steps would draw two forecasts as one.
 */
export function foreseen(ts: readonly number[], past: Past): (number | undefined)[] {
  const out: (number | undefined)[] = new Array(ts.length).fill(undefined);
  const step = Math.min(...past.step_ms);
  let i = 0;
  past.ts.forEach((at, k) => {
    if (past.step_ms[k] !== step) return;
    while (i + 1 < ts.length && Math.abs((ts[i + 1] ?? 0) - at) <= Math.abs((ts[i] ?? 0) - at)) i++;
    if (Math.abs((ts[i] ?? Number.POSITIVE_INFINITY) - at) <= step / 2) out[i] = past.mean[k];
  });
  return out;
}
