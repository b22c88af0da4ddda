// What the gateway asks for: one picture, as a line of JSON. Pure: checks everything, so that a bad line is an answer and not a crash.
import type { Forecast, RangeSeries } from "../api/types";
import { columnNames } from "../charts/columns";
import type { Lang } from "../state/prefs";

export interface Ask {
  form: "png" | "svg";
  /** Of the whole picture, pixels of the style sheet. */
  width: number;
  height: number;
  /** Pixels of the file for one of those; PNG only. */
  scale: number;
  dark: boolean;
  lang: Lang;
  /** IANA zone of the times that are written. */
  zone: string;
  title: string;
  fromMs: number;
  toMs: number;
  series: RangeSeries[];
  forecast: Forecast | null;
  threshold: number | null;
  /** Stretches to shade, ms. Null: where the score says so. */
  episodes: [number, number][] | null;
}

/** Pixels; the largest file has 4,000 × 3,000. */
const limits = { width: [160, 2000], height: [90, 1500], scale: [1, 3] } as const;
const mostPixels = 12e6;

function need(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const isTime = (v: unknown): v is number => typeof v === "number" && Number.isFinite(v) && Math.abs(v) <= 8.64e15;

function checkSeries(one: unknown, at: number): void {
  const s = one as Partial<Record<string, unknown>>;
  need(typeof s?.["metric"] === "string" && typeof s["unit"] === "string", `series ${at}: metric and unit are texts`);
  need(typeof s["labels"] === "object" && s["labels"] !== null, `series ${at}: labels is an object`);
  need(Array.isArray(s["ts"]) && s["ts"].every(isTime), `series ${at}: ts is a list of times`);
  for (const name of columnNames) {
    const column = s[name];
    const right = (v: unknown): boolean => v === null || typeof v === "number";
    need(column === undefined || (Array.isArray(column) && column.every(right)), `series ${at}: ${name} is no column`);
  }
}

/** The request in a parsed line. Throws an Error that names the field. */
export function askOf(value: unknown): Ask {
  need(typeof value === "object" && value !== null, "a request is an object");
  const a = value as Ask;
  need(a.form === "png" || a.form === "svg", "form is png or svg");
  for (const name of ["width", "height", "scale"] as const) {
    const [low, high] = limits[name];
    need(typeof a[name] === "number" && a[name] >= low && a[name] <= high, `${name} is between ${low} and ${high}`);
  }
  need(a.width * a.height * a.scale ** 2 <= mostPixels, `a picture has at most ${mostPixels} pixels`);
  need(a.lang === "en" || a.lang === "ja", "lang is en or ja");
  need(typeof a.zone === "string" && typeof a.title === "string", "zone and title are texts");
  need(isTime(a.fromMs) && isTime(a.toMs) && a.fromMs < a.toMs, "fromMs is before toMs");
  need(a.threshold === null || typeof a.threshold === "number", "threshold is a number or null");
  need(Array.isArray(a.series), "series is a list");
  a.series.forEach(checkSeries);
  const pairs =
    a.episodes === null || (Array.isArray(a.episodes) && a.episodes.every((e) => isTime(e[0]) && isTime(e[1])));
  need(pairs, "episodes are pairs of times");
  return a;
}
