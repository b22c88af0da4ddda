// Where values and times stand in a picture: steps that people can read, ticks on whole local hours and days. Pure.

export interface Ticks {
  low: number;
  high: number;
  at: number[];
}

/** The smallest of 1, 2, 2.5, 5 × 10^n that is not below a width. */
export function niceStep(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  return power * ([1, 2, 2.5, 5, 10].find((m) => m * power >= width * (1 - 1e-9)) ?? 10);
}

/** A range that holds all values with readable ticks, at most `most` of them; a flat series stands in the middle of its own. */
export function valueTicks(low: number, high: number, most: number): Ticks {
  if (!(low <= high)) return { low: 0, high: 1, at: [] };
  const room = (high - low) * 0.04 || Math.abs(low) * 0.1 || 1;
  // A range that begins near zero begins at zero: bars of noise would look like drama.
  const from = low >= 0 && low < (high - low) * 0.3 ? 0 : low - room;
  const to = high <= 0 && -high < (high - low) * 0.3 ? 0 : high + room;
  const step = niceStep((to - from) / Math.max(most, 1));
  const at: number[] = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + step * 1e-9; k++)
    at.push(Number((k * step).toPrecision(12)));
  return { low: from, high: to, at };
}

const s = 1e3;
const m = 60 * s;
const h = 60 * m;
const d = 24 * h;
const timeSteps = [
  s, 2 * s, 5 * s, 10 * s, 15 * s, 30 * s,
  m, 2 * m, 5 * m, 10 * m, 15 * m, 30 * m,
  h, 2 * h, 3 * h, 6 * h, 12 * h,
  d, 2 * d, 7 * d, 14 * d, 28 * d, 91 * d, 364 * d,
]; // biome-ignore format: one line a unit

/** Offset of the person's zone at a moment, ms east of Greenwich. */
const zoneMs = (ms: number): number => -new Date(ms).getTimezoneOffset() * m;

/** Times on whole local steps, at most `most` of them; days begin at local midnight, also after the clocks changed. */
export function timeTicks(fromMs: number, toMs: number, most: number, offset = zoneMs): number[] {
  const wide = (toMs - fromMs) / Math.max(most, 1);
  const step = timeSteps.find((x) => x >= wide) ?? 364 * d;
  const at: number[] = [];
  for (let k = Math.ceil((fromMs + offset(fromMs)) / step); ; k++) {
    const wall = k * step;
    const ms = wall - offset(wall - offset(fromMs));
    if (ms > toMs) return at;
    if (ms >= fromMs) at.push(ms);
  }
}

/** Index of the time nearest to a moment in rising times; -1 when there are none. */
export function nearest(ts: readonly number[], ms: number): number {
  const i = firstFrom(ts, ms);
  if (i === ts.length) return i - 1;
  return i > 0 && ms - (ts[i - 1] ?? 0) <= (ts[i] ?? 0) - ms ? i - 1 : i;
}

/** Index of the first time that is not before a moment; the length when there is none. */
export function firstFrom(ts: readonly number[], ms: number): number {
  let [low, high] = [0, ts.length];
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((ts[mid] ?? 0) < ms) low = mid + 1;
    else high = mid;
  }
  return low;
}
