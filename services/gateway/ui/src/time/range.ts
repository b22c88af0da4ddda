// Reads times as the API does: milliseconds or seconds since the epoch, ISO 8601, `now`, `now-6h`, `now-1d/d`.

const unitMs: Record<string, number> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

export interface Range {
  fromMs: number;
  toMs: number;
  /** True while the end moves with the clock: only then is the page live. */
  live: boolean;
}

/** The start of the local day, hour or minute that holds a time. */
export function floorTo(ms: number, unit: string): number {
  const d = new Date(ms);
  if (unit === "d" || unit === "w") {
    d.setHours(0, 0, 0, 0);
    if (unit === "w") d.setDate(d.getDate() - ((d.getDay() + 6) % 7));
    return d.getTime();
  }
  const size = unitMs[unit] ?? 1;
  return Math.floor(ms / size) * size;
}

/** Milliseconds since the epoch, or null when the text is no time. */
export function parseTime(text: string, nowMs: number): number | null {
  const s = text.trim();
  const relative = /^now(?:([+-])(\d{1,6})([smhdw]))?(?:\/([smhdw]))?$/.exec(s);
  if (relative) {
    const [, sign, amount, unit, floor] = relative;
    const shift = amount && unit ? Number(amount) * (unitMs[unit] ?? 0) * (sign === "-" ? -1 : 1) : 0;
    return floor ? floorTo(nowMs + shift, floor) : nowMs + shift;
  }
  if (/^\d{9,10}$/.test(s)) return Number(s) * 1000;
  if (/^\d{12,14}$/.test(s)) return Number(s);
  if (!/^\d{4}-\d{2}-\d{2}/.test(s)) return null;
  const ms = Date.parse(s.replace(" ", "T"));
  return Number.isNaN(ms) ? null : ms;
}

/** The range of a page; a text that is no time falls back, and an empty or reversed range is put right. */
export function resolveRange(from: string, to: string, nowMs: number, fallback = "now-6h"): Range {
  const toMs = parseTime(to || "now", nowMs) ?? nowMs;
  let fromMs = parseTime(from || fallback, nowMs) ?? parseTime(fallback, nowMs) ?? nowMs - 216e5;
  if (fromMs >= toMs) fromMs = toMs - 36e5;
  return { fromMs, toMs, live: !to || to === "now" };
}

/** Zooms around the middle: a factor under 1 looks closer. */
export function zoomRange(range: Range, factor: number): Range {
  const middle = (range.fromMs + range.toMs) / 2;
  const half = Math.max(((range.toMs - range.fromMs) / 2) * factor, 5000);
  return { fromMs: Math.round(middle - half), toMs: Math.round(middle + half), live: false };
}

export const presets = ["now-15m", "now-1h", "now-6h", "now-24h", "now-7d", "now-30d"] as const;
