// Numbers with units, short enough for a table and exact enough to act on.
import { lang } from "../state/prefs";

const si = ["", "k", "M", "G", "T", "P"];
const binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function digits(value: number): number {
  const a = Math.abs(value);
  if (a >= 100 || a === 0) return 0;
  if (a >= 10) return 1;
  if (a >= 1) return 2;
  return Math.min(6, 2 - Math.floor(Math.log10(a)));
}

/** A plain number with three significant digits at least, in the person's language. */
export function number(value: number, fraction = digits(value)): string {
  return value.toLocaleString(lang.value === "ja" ? "ja-JP" : "en-GB", { maximumFractionDigits: fraction });
}

function scaled(value: number, base: number, names: readonly string[]): string {
  let v = value;
  let i = 0;
  while (Math.abs(v) >= base && i < names.length - 1) {
    v /= base;
    i++;
  }
  return `${number(v)}\u00a0${names[i] ?? ""}`.trim();
}

export const short = (value: number): string => (Math.abs(value) < 10_000 ? number(value) : scaled(value, 1000, si));

function seconds(value: number): string {
  const a = Math.abs(value);
  if (a === 0) return "0\u00a0s";
  if (a < 1e-3) return `${number(value * 1e6)}\u00a0µs`;
  if (a < 1) return `${number(value * 1e3)}\u00a0ms`;
  return `${number(value)}\u00a0s`;
}

const writers: Record<string, (value: number) => string> = {
  "%": (v) => `${number(v)}\u00a0%`,
  percent: (v) => `${number(v)}\u00a0%`,
  ratio: (v) => `${number(v * 100)}\u00a0%`,
  bytes: (v) => scaled(v, 1024, binary),
  By: (v) => scaled(v, 1024, binary),
  "bytes/s": (v) => `${scaled(v, 1024, binary)}/s`,
  "By/s": (v) => `${scaled(v, 1024, binary)}/s`,
  s: seconds,
  seconds,
  ms: (v) => (Math.abs(v) < 1000 ? `${number(v)}\u00a0ms` : seconds(v / 1000)),
};

/** A value in its unit; an unknown unit is written behind the number as it came; null is a dash. */
export function quantity(value: number | null | undefined, unit = ""): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const write = writers[unit];
  if (write) return write(value);
  return unit && unit !== "1" ? `${short(value)}\u00a0${unit}` : short(value);
}

export const percent = (ratio: number): string => `${number(ratio * 100)}\u00a0%`;

/** A chance as people say it: a model never knows the last percent. */
export function chance(p: number): string {
  if (p < 0.01) return "< 1\u00a0%";
  return p > 0.99 ? "> 99\u00a0%" : percent(Math.round(p * 100) / 100);
}

/** A score in boundary units, always with two decimals so that columns stand still. */
export const score = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : value.toFixed(value < 100 ? 2 : 0);
