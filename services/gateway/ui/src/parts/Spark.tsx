// A small picture of a series with its expected band, and a mark where something began.
import type { Column } from "../api/types";
import { sketch, sparkHeight, sparkWidth } from "./spark";

interface Props {
  columns: { ts: number[]; value: Column; lower: Column; upper: Column };
  label: string;
  markMs?: number;
}

export function Spark({ columns, label, markMs }: Props) {
  const { line, band } = sketch(columns);
  const first = columns.ts[0] ?? 0;
  const at = markMs ? ((markMs - first) / ((columns.ts.at(-1) ?? 0) - first || 1)) * sparkWidth : -1;
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${sparkWidth} ${sparkHeight}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="spark-band" d={band} />
      {at >= 0 && at <= sparkWidth && <path class="spark-mark" d={`M${at} 0V${sparkHeight}`} />}
      <path class="spark-line" d={line} />
    </svg>
  );
}
