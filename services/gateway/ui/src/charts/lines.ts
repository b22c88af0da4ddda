// Several series on one pair of axes. Pure: joins their times, and keeps the gap where a series has no value.
import type { Column } from "../api/types";

export interface Line {
  ts: number[];
  value: Column;
}

/** Times of all lines in order, and each line's values on them; null where it has none. */
export function joined(lines: readonly Line[]): { ts: number[]; values: Column[] } {
  const ts = [...new Set(lines.flatMap((l) => l.ts))].sort((a, b) => a - b);
  const place = new Map(ts.map((t, i) => [t, i]));
  const values = lines.map((l) => {
    // undefined is no data at this time (the line goes on), null is a gap.
    const column: (number | null | undefined)[] = new Array(ts.length).fill(undefined);
    l.ts.forEach((t, i) => {
      column[place.get(t) ?? 0] = l.value[i] ?? null;
    });
    return column as Column;
  });
  return { ts, values };
}

/** After Okabe and Ito (2008), apart for every kind of colour vision, on light and on dark ground; dashes tell them apart again. */
export const strokes: readonly { light: string; dark: string; dash: number[] }[] = [
  { light: "#22467f", dark: "#8db8f2", dash: [] },
  { light: "#b93217", dark: "#ff8a6b", dash: [7, 3] },
  { light: "#04667a", dark: "#62c3d4", dash: [2, 3] },
  { light: "#8a5a00", dark: "#f0bd4f", dash: [10, 3, 2, 3] },
  { light: "#5d4fa0", dark: "#b9adf0", dash: [4, 4] },
  { light: "#a03070", dark: "#f29ac9", dash: [12, 4] },
  { light: "#3d6b1f", dark: "#9ccf73", dash: [2, 2, 8, 2] },
  { light: "#4b5667", dark: "#c5ccd6", dash: [1, 4] },
];

export const strokeOf = (i: number): { light: string; dark: string; dash: number[] } =>
  strokes[i % strokes.length] as (typeof strokes)[number];
