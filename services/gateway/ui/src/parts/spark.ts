// A series as one SVG path, for places where a chart would be too much. Pure.
import type { Column } from "../api/types";

/** Size of the drawing in its own units. */
export const sparkWidth = 200;
export const sparkHeight = 40;

export interface Sketch {
  line: string;
  band: string;
}

/** A line with gaps where values are missing, and the expected band behind it, both scaled to all that is drawn. */
export function sketch(c: { ts: number[]; value: Column; lower: Column; upper: Column }): Sketch {
  const all = [...c.value, ...c.lower, ...c.upper].filter((v): v is number => v != null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const first = c.ts[0] ?? 0;
  const width = (c.ts.at(-1) ?? 0) - first || 1;
  const x = (i: number): string => ((((c.ts[i] ?? 0) - first) / width) * sparkWidth).toFixed(1);
  const y = (v: number): string => (sparkHeight - 2 - ((v - low) / (high - low || 1)) * (sparkHeight - 4)).toFixed(1);
  let line = "";
  let pen = "M";
  c.value.forEach((v, i) => {
    if (v == null) pen = "M";
    else {
      line += `${pen}${x(i)} ${y(v)}`;
      pen = "L";
    }
  });
  const banded = c.ts.map((_, i) => i).filter((i) => c.lower[i] != null && c.upper[i] != null);
  const edge = (column: Column, places: number[]): string[] => places.map((i) => `${x(i)} ${y(column[i] ?? 0)}`);
  const band = banded.length
    ? `M${[...edge(c.upper, banded), ...edge(c.lower, [...banded].reverse())].join("L")}Z`
    : "";
  return { line, band };
}
