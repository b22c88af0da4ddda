// A column of scores cut into equal stretches of time: the worst of each, so that nothing is averaged away. Pure.
import type { Column } from "../../../api/types";

export function cells(
  ts: readonly number[],
  score: Column,
  fromMs: number,
  toMs: number,
  n: number,
): (number | null)[] {
  const out: (number | null)[] = new Array(n).fill(null);
  const width = (toMs - fromMs) / n;
  ts.forEach((t, i) => {
    const s = score[i];
    const at = Math.floor((t - fromMs) / width);
    if (s === null || s === undefined || at < 0 || at >= n) return;
    out[at] = Math.max(out[at] ?? 0, s);
  });
  return out;
}
