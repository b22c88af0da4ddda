// Draws curves over time onto anything that draws like a canvas: the screen, a picture to take away, an SVG file. Pure: no page, no clock.
import type { Column } from "../api/types";
import type { Ink } from "./ink";
import { type About, type Note, paintNotes } from "./notes";
import { firstFrom, timeTicks, valueTicks } from "./scale";

/** What is used of a canvas's context. */
export type Pen = Pick<
  CanvasRenderingContext2D,
  | "beginPath"
  | "moveTo"
  | "lineTo"
  | "closePath"
  | "rect"
  | "arc"
  | "stroke"
  | "fill"
  | "clip"
  | "fillRect"
  | "fillText"
  | "setLineDash"
  | "save"
  | "restore"
> & {
  strokeStyle: unknown;
  fillStyle: unknown;
  lineWidth: number;
  font: string;
  textAlign: string;
  textBaseline: string;
  lineJoin: string;
};

export interface Curve {
  values: readonly (number | null | undefined)[];
  stroke: string;
  width: number;
  dash?: readonly number[];
  /** Marks single samples while they are few. */
  dots?: boolean;
}

export interface Area {
  upper: Column;
  lower: Column;
  fill: string;
}

export interface Picture {
  ts: readonly number[];
  fromMs: number;
  toMs: number;
  areas: readonly Area[];
  curves: readonly Curve[];
  /** First and last index of stretches to be marked as odd. */
  odd: readonly (readonly [number, number])[];
  notes: readonly Note[];
  /** The titles of the notes are drawn too. */
  titled?: boolean;
  /** The series that it shows. */
  about?: readonly About[];
  ink: Ink;
  /** The numbers behind it, by name, for people who want those. */
  table: readonly { name: string; values: readonly (number | null | undefined)[] }[];
  timeWord: (ms: number) => string;
  valueWord: (value: number) => string;
}

/** The plot's own rectangle inside the picture, and its scales. Pixels of the style sheet. */
export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  x: (ms: number) => number;
  y: (value: number) => number;
  timeAt: (x: number) => number;
  /** Indices that are in view, with one neighbour on each side so that lines run to the edge: [first, end). */
  first: number;
  end: number;
}

const axis = { left: 72, bottom: 26, top: 8, right: 8 };
const tickRoom = { time: 84, value: 34 };
const nearEdge = 36;
/** Below this many samples in view each one gets a dot. */
const fewSamples = 40;

function bounds(p: Picture, first: number, end: number): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const column of [...p.curves.map((c) => c.values), ...p.areas.flatMap((a) => [a.upper, a.lower])]) {
    for (let i = first; i < end; i++) {
      const v = column[i];
      if (v == null) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  return [low, high];
}

export function frameOf(p: Picture, width: number, height: number): Frame & { ticks: number[] } {
  const [left, top] = [axis.left, axis.top];
  const w = Math.max(1, width - left - axis.right);
  const h = Math.max(1, height - top - axis.bottom);
  const first = Math.max(0, firstFrom(p.ts, p.fromMs) - 1);
  const end = Math.min(p.ts.length, firstFrom(p.ts, p.toMs) + 1);
  const v = valueTicks(...bounds(p, first, end), h / tickRoom.value);
  const span = p.toMs - p.fromMs || 1;
  return {
    left,
    top,
    width: w,
    height: h,
    x: (ms) => left + ((ms - p.fromMs) / span) * w,
    y: (value) => top + (1 - (value - v.low) / (v.high - v.low || 1)) * h,
    timeAt: (x) => p.fromMs + ((x - left) / w) * span,
    first,
    end,
    ticks: v.at,
  };
}

function paintAxes(pen: Pen, p: Picture, f: Frame & { ticks: number[] }): void {
  pen.lineWidth = 1;
  pen.strokeStyle = p.ink.hair;
  pen.fillStyle = p.ink.soft;
  pen.font = p.ink.font;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  const times = timeTicks(p.fromMs, p.toMs, f.width / tickRoom.time);
  pen.beginPath();
  for (const v of f.ticks) {
    pen.moveTo(f.left, Math.round(f.y(v)) + 0.5);
    pen.lineTo(f.left + f.width, Math.round(f.y(v)) + 0.5);
    pen.fillText(p.valueWord(v), f.left - 6, f.y(v));
  }
  for (const ms of times) {
    // Beside the right edge a word ends with the picture: in the middle it would be cut.
    const last = f.x(ms) > f.left + f.width - nearEdge;
    pen.textAlign = last ? "right" : "center";
    pen.moveTo(Math.round(f.x(ms)) + 0.5, f.top);
    pen.lineTo(Math.round(f.x(ms)) + 0.5, f.top + f.height);
    pen.fillText(p.timeWord(ms), f.x(ms) + (last ? axis.right - 2 : 0), f.top + f.height + axis.bottom / 2);
  }
  pen.stroke();
}

/** A wash behind and a triangle above, at least three pixels wide so that a single sample is seen. */
function paintOdd(pen: Pen, p: Picture, f: Frame): void {
  for (const [a, b] of p.odd) {
    const from = f.x(p.ts[a] ?? 0);
    const to = Math.max(f.x(p.ts[b] ?? 0), from + 3);
    if (to < f.left || from > f.left + f.width) continue;
    pen.fillStyle = p.ink.wash;
    pen.fillRect(from, f.top, to - from, f.height);
    const mid = (from + to) / 2;
    pen.fillStyle = p.ink.shu;
    pen.beginPath();
    pen.moveTo(mid - 4, f.top);
    pen.lineTo(mid + 4, f.top);
    pen.lineTo(mid, f.top + 6);
    pen.fill();
  }
}

/**
 * A line with gaps at null; undefined is no sample, over which the line goes on. Of many samples in one pixel only the first, lowest,
 * highest and last are drawn: the picture is the same.
 */
function paintCurve(pen: Pen, p: Picture, f: Frame, c: Curve): void {
  let column = Number.NaN;
  let [low, high, last] = [0, 0, 0];
  const flush = (): void => {
    if (Number.isNaN(column)) return;
    if (low < high) {
      pen.lineTo(column, low);
      pen.lineTo(column, high);
    }
    pen.lineTo(column, last);
  };
  pen.strokeStyle = c.stroke;
  pen.lineWidth = c.width;
  pen.setLineDash([...(c.dash ?? [])]);
  pen.beginPath();
  for (let i = f.first; i < f.end; i++) {
    const v = c.values[i];
    if (v === undefined) continue;
    if (v === null) {
      flush();
      column = Number.NaN;
      continue;
    }
    const [x, y] = [Math.round(f.x(p.ts[i] ?? 0) * 2) / 2, f.y(v)];
    if (x === column) {
      if (y < low) low = y;
      if (y > high) high = y;
    } else {
      const start = Number.isNaN(column);
      flush();
      if (start) pen.moveTo(x, y);
      else pen.lineTo(x, y);
      [column, low, high] = [x, y, y];
    }
    last = y;
  }
  flush();
  pen.stroke();
  pen.setLineDash([]);
  if (c.dots && f.end - f.first < fewSamples) paintDots(pen, p, f, c);
}

function paintDots(pen: Pen, p: Picture, f: Frame, c: Curve): void {
  pen.fillStyle = c.stroke;
  pen.beginPath();
  for (let i = f.first; i < f.end; i++) {
    const v = c.values[i];
    if (v == null) continue;
    const [x, y] = [f.x(p.ts[i] ?? 0), f.y(v)];
    pen.moveTo(x + 2, y);
    pen.arc(x, y, 2, 0, 2 * Math.PI);
  }
  pen.fill();
}

function paintArea(pen: Pen, p: Picture, f: Frame, a: Area): void {
  // Points of the run that is being collected: x, upper y, lower y; one a pixel, as wide as its samples.
  let run: [number, number, number][] = [];
  const flush = (): void => {
    const [one] = run;
    if (one) {
      pen.beginPath();
      pen.moveTo(one[0], one[1]);
      for (const [x, up] of run) pen.lineTo(x, up);
      for (const [x, , down] of run.reverse()) pen.lineTo(x, down);
      pen.closePath();
      pen.fill();
    }
    run = [];
  };
  pen.fillStyle = a.fill;
  for (let i = f.first; i < f.end; i++) {
    const [upper, lower] = [a.upper[i], a.lower[i]];
    if (upper == null || lower == null) {
      flush();
      continue;
    }
    const [x, up, down] = [Math.round(f.x(p.ts[i] ?? 0)), f.y(upper), f.y(lower)];
    const before = run.at(-1);
    if (before && before[0] === x) run[run.length - 1] = [x, Math.min(before[1], up), Math.max(before[2], down)];
    else run.push([x, up, down]);
  }
  flush();
}

/** Draws the whole picture; what it answers says where things are, for the crosshair. */
export function paint(pen: Pen, p: Picture, width: number, height: number): Frame {
  const f = frameOf(p, width, height);
  paintAxes(pen, p, f);
  pen.save();
  pen.beginPath();
  pen.rect(f.left, f.top, f.width, f.height);
  pen.clip();
  pen.lineJoin = "round";
  paintOdd(pen, p, f);
  for (const a of p.areas) paintArea(pen, p, f, a);
  for (const c of p.curves) paintCurve(pen, p, f, c);
  paintNotes(pen, p, f);
  pen.restore();
  return f;
}
