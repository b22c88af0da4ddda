// How a time series is drawn: expected band, low-high of the bucket, expected line, values, shaded odd stretches with a tick above them.
import type uPlot from "uplot";
import { clock, dayClock } from "../time/format";
import { quantity } from "../units/format";
import { type Columns, oddRuns } from "./columns";
import type { Ink } from "./ink";

export interface Drawing {
  width: number;
  height: number;
  unit: string;
  sync: string;
  ink: Ink;
  /** The columns drawn now; hooks read them when they draw. */
  columns: () => Columns;
  span: () => { fromMs: number; toMs: number };
  onZoom: (fromMs: number, toMs: number) => void;
  onCursor: (index: number | null) => void;
  extra: readonly { dash: number[]; stroke: keyof Ink }[];
  /** Vertical marks (changes, incidents) at these times. */
  notes: () => readonly number[];
}

const monthMs = 2 * 864e5;

function axes(d: Drawing): uPlot.Axis[] {
  const grid = { stroke: d.ink.hair, width: 1 };
  const shared = { stroke: d.ink.soft, font: d.ink.font, grid, ticks: { show: false } };
  return [
    {
      ...shared,
      space: 84,
      size: 26,
      values: (u, splits) => {
        const wide = (u.scales["x"]?.max ?? 0) - (u.scales["x"]?.min ?? 0) > monthMs / 2;
        return splits.map((s) => (wide ? dayClock(s) : clock(s).replace(/:00$/, "")));
      },
    },
    { ...shared, space: 34, size: 72, values: (_u, splits) => splits.map((s) => quantity(s, d.unit)) },
  ];
}

/** Odd stretches: a wash behind and a triangle above, at least three pixels wide so that a single sample is seen. */
function drawOdd(u: uPlot, d: Drawing): void {
  const { ctx, bbox } = u;
  const c = d.columns();
  const ratio = devicePixelRatio;
  ctx.save();
  for (const [a, b] of oddRuns(c.score)) {
    const from = u.valToPos(c.ts[a] ?? 0, "x", true);
    const to = Math.max(u.valToPos(c.ts[b] ?? 0, "x", true), from + 3 * ratio);
    if (to < bbox.left || from > bbox.left + bbox.width) continue;
    ctx.fillStyle = d.ink.wash;
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.fillStyle = d.ink.shu;
    const mid = (from + to) / 2;
    ctx.beginPath();
    ctx.moveTo(mid - 4 * ratio, bbox.top);
    ctx.lineTo(mid + 4 * ratio, bbox.top);
    ctx.lineTo(mid, bbox.top + 6 * ratio);
    ctx.fill();
  }
  ctx.restore();
}

function drawNotes(u: uPlot, d: Drawing): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = d.ink.fuji;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const ms of d.notes()) {
    const x = u.valToPos(ms, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

export function options(d: Drawing): uPlot.Options {
  const none = { points: { show: false } };
  return {
    width: d.width,
    height: d.height,
    ms: 1,
    pxAlign: 0,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { sync: { key: d.sync }, drag: { x: true, y: false, setScale: false }, points: { size: 7 }, y: false },
    scales: { x: { time: true, range: () => [d.span().fromMs, d.span().toMs] } },
    axes: axes(d),
    series: [
      {},
      { ...none },
      { ...none },
      { ...none },
      { ...none },
      { ...none, stroke: d.ink.soft, width: 1, dash: [5, 4] },
      { stroke: d.ink.kon, width: 1.6, points: { show: (u) => (u.data[0]?.length ?? 0) < 40, size: 4 } },
      ...d.extra.map((e) => ({ ...none, stroke: d.ink[e.stroke], width: 1.3, dash: e.dash })),
    ],
    bands: [
      { series: [1, 2], fill: d.ink.band },
      { series: [3, 4], fill: `${d.ink.kon}40` },
    ],
    hooks: {
      drawClear: [(u) => drawOdd(u, d)],
      draw: [(u) => drawNotes(u, d)],
      setCursor: [(u) => d.onCursor(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width > 4)
            d.onZoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

export function aligned(c: Columns, extra: readonly (number | null)[][]): uPlot.AlignedData {
  return [c.ts, c.upper, c.lower, c.high, c.low, c.expected, c.value, ...extra] as uPlot.AlignedData;
}
