// A picture that stands alone: the client's chart below a head that says what it is, when it was, and what its lines mean.
import { type Columns, columnsOf } from "../charts/columns";
import { linesPicture } from "../charts/LinesChart";
import { strokeOf } from "../charts/lines";
import type { Pen, Picture } from "../charts/paint";
import { firstFrom } from "../charts/scale";
import { type Extra, pictureOf } from "../charts/TimeChart";
import { fill } from "../i18n";
import { shortNames } from "../pages/dashboards/panels/Lines";
import { withFan } from "../pages/forecast/fan";
import { seriesName } from "../parts/series";
import { quantity } from "../units/format";
import type { Ask } from "./ask";
import { type Colours, coloursOf, family } from "./inks";
import en from "./words/en.json";
import ja from "./words/ja.json";

export const catalogues = { en, ja };
type Words = typeof en;

/** How a line or an area of the chart is shown in the legend. */
interface Entry {
  text: string;
  stroke?: string;
  dash?: readonly number[];
  fill?: string;
}

export interface Composed {
  picture: Picture;
  colours: Colours;
  title: string;
  /** Range and zone, and the newest value of a single series. */
  about: string;
  legend: Entry[];
  /** Said in the middle when there is nothing to draw. */
  empty: string;
}

const margin = 10;
const titlePx = 13;
const rowPx = 16;
const swatch = 18;
/** Entries of a legend; the others are counted. */
const mostNamed = 8;

/**
 * Signs that the shipped font does not have in the form that it has: `㈱` becomes `(株)`, half-width kana full-width, the wave dash of
 * one code page that of the other.
 */
export const drawable = (text: string): string =>
  text.replace(/[\u3200-\u33ff\uff5e-\uffdc]/g, (c) => (c === "\uff5e" ? "\u301c" : c.normalize("NFKC")));

/** Width that a text takes at a size, estimated: full-width characters are as wide as they are high. */
export function wide(text: string, px: number): number {
  let sum = 0;
  for (const c of text) sum += (c.codePointAt(0) ?? 0) > 0x2e7f ? 1 : 0.56;
  return sum * px;
}

/** As much of a text as fits, with a mark where it was cut. */
export function cutTo(text: string, room: number, px: number): string {
  if (wide(text, px) <= room) return text;
  const all = [...text];
  while (all.length > 1 && wide(`${all.join("")}…`, px) > room) all.pop();
  return `${all.join("")}…`;
}

/** `29 Nov 2026, 07:00 – 10:00 UTC`; the second day only when it is another. */
function rangeText(a: Ask): string {
  const locale = a.lang === "ja" ? "ja-JP" : "en-GB";
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone: a.zone });
  const day = format({ year: "numeric", month: "short", day: "numeric" });
  const clock = format({ hour: "2-digit", minute: "2-digit", hour12: false });
  const zone = format({ timeZoneName: "short" })
    .formatToParts(a.toMs)
    .find((p) => p.type === "timeZoneName")?.value;
  const [from, to] = [a.fromMs, a.toMs].map((ms) => [day.format(ms), clock.format(ms)] as const);
  const second = from?.[0] === to?.[0] ? to?.[1] : to?.join(" ");
  return `${from?.join(" ")} – ${second} ${zone ?? a.zone}`;
}

/** Stretches of time as indices of samples, as `paint` takes them. */
function indices(ts: readonly number[], spans: readonly (readonly [number, number])[]): [number, number][] {
  return spans
    .map(([from, to]): [number, number] => [
      firstFrom(ts, from),
      Math.max(firstFrom(ts, from), firstFrom(ts, to + 1) - 1),
    ])
    .filter(([first]) => first < ts.length);
}

function one(a: Ask, colours: Colours, w: Words): Pick<Composed, "picture" | "legend" | "about"> {
  const series = a.series[0];
  const history = columnsOf(series ?? { ts: [] });
  const unit = series?.unit ?? "";
  const columns: Columns = a.forecast ? withFan(history, a.forecast) : history;
  const toMs = a.forecast ? Math.max(a.toMs, columns.ts.at(-1) ?? a.toMs) : a.toMs;
  const limit = a.threshold === null ? "" : fill(w.threshold, { value: quantity(a.threshold, unit) });
  const extra: Extra[] =
    a.threshold === null
      ? []
      : [{ name: limit, values: columns.ts.map(() => a.threshold), dash: [7, 3], stroke: "shu" }];
  const drawn = pictureOf({ name: "", unit, columns, fromMs: a.fromMs, toMs, extra }, colours.ink);
  const picture = a.episodes ? { ...drawn, odd: indices(columns.ts, a.episodes) } : drawn;
  const newest = history.value.findLast((v) => v !== null);
  const legend: Entry[] = [{ text: w.value, stroke: colours.ink.kon }];
  if (columns.upper.some((v) => v !== null))
    legend.push({ text: w.expected, fill: colours.ink.band, stroke: colours.ink.soft, dash: [5, 4] });
  if (limit) legend.push({ text: limit, stroke: colours.ink.shu, dash: [7, 3] });
  if (picture.odd.length) legend.push({ text: w.odd, fill: colours.ink.wash });
  const about = newest == null ? "" : ` · ${fill(w.newest, { value: quantity(newest, unit) })}`;
  return { picture, legend, about };
}

function many(a: Ask, colours: Colours, w: Words): Pick<Composed, "picture" | "legend" | "about"> {
  const names = shortNames(a.series).map(drawable);
  const unit = a.series[0]?.unit ?? "";
  const lines = a.series.map((s) => columnsOf(s));
  const picture = linesPicture({ names, unit, lines, fromMs: a.fromMs, toMs: a.toMs }, colours.ink);
  const legend: Entry[] = names.slice(0, mostNamed).map((text, i) => ({
    text,
    stroke: picture.curves[i]?.stroke ?? colours.ink.ink,
    dash: strokeOf(i).dash,
  }));
  if (names.length > mostNamed) legend.push({ text: fill(w.more, { n: names.length - mostNamed }) });
  return { picture: a.episodes ? { ...picture, odd: indices(picture.ts, a.episodes) } : picture, legend, about: "" };
}

/** Everything that is drawn. Language and zone of the process must be the request's already. */
export function compose(a: Ask): Composed {
  const w = catalogues[a.lang];
  const colours = coloursOf(a.dark);
  const { picture, legend, about } = a.series.length > 1 ? many(a, colours, w) : one(a, colours, w);
  const named = a.series.map((s) => (a.series.length > 1 ? s.metric : seriesName(s.metric, s.labels)));
  const seen = picture.curves.some((c) => c.values.some((v) => v != null)) || a.forecast !== null;
  return {
    picture,
    colours,
    title: drawable(a.title || [...new Set(named)].join(", ")),
    about: `${rangeText(a)}${about}`,
    legend,
    empty: seen ? "" : w.none,
  };
}

/** Entries of the legend in rows that fit, each with its place. */
function rows(c: Composed, width: number): { entry: Entry; x: number; row: number }[] {
  let [x, row] = [margin, 0];
  return c.legend.map((entry) => {
    const text = cutTo(entry.text, width - 2 * margin - swatch, 11);
    const room = (entry.stroke || entry.fill ? swatch + 5 : 0) + wide(text, 11) + 14;
    if (x > margin && x + room > width) [x, row] = [margin, row + 1];
    const at = { entry: { ...entry, text }, x, row };
    x += room;
    return at;
  });
}

export function headPx(c: Composed, width: number): number {
  const last = rows(c, width).at(-1);
  return 24 + rowPx * (last ? last.row + 2 : 1) + 4;
}

/** The head, at the top of a picture. */
export function paintHead(pen: Pen, c: Composed, width: number): void {
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.font = `600 ${titlePx}px ${family}`;
  pen.fillStyle = c.colours.ink.ink;
  pen.fillText(cutTo(c.title, width - 2 * margin, titlePx), margin, 15);
  pen.font = c.colours.ink.font;
  pen.fillStyle = c.colours.ink.soft;
  pen.fillText(cutTo(c.about, width - 2 * margin, 11), margin, 32);
  for (const { entry, x, row } of rows(c, width)) {
    const y = 32 + rowPx * (row + 1);
    if (entry.fill) {
      pen.fillStyle = entry.fill;
      pen.fillRect(x, y - 5, swatch, 10);
    }
    if (entry.stroke) {
      pen.strokeStyle = entry.stroke;
      pen.lineWidth = entry.fill ? 1 : 2;
      pen.setLineDash([...(entry.dash ?? [])]);
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x + swatch, y);
      pen.stroke();
      pen.setLineDash([]);
    }
    pen.fillStyle = c.colours.ink.soft;
    pen.fillText(entry.text, x + (entry.stroke || entry.fill ? swatch + 5 : 0), y);
  }
}
