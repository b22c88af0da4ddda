// The server's pictures: what is asked is checked, the client's drawing code draws it, in the asked language, zone and theme.
import { createCanvas, loadImage } from "@napi-rs/canvas";
import { afterAll, expect, it } from "vitest";
import type { RangeSeries } from "../src/api/types";
import { type Ask, askOf } from "../src/painter/ask";
import { catalogues, cutTo, drawable, wide } from "../src/painter/compose";
import { type Canvas, pngOf, svgOf } from "../src/painter/draw";
import { indexedPng } from "../src/painter/png";

const zone = process.env["TZ"];
afterAll(() => {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

const toMs = Date.UTC(2026, 10, 29, 10);
const fromMs = toMs - 36e5;

function series(service: string, over: Partial<RangeSeries> = {}): RangeSeries {
  const ts = Array.from({ length: 60 }, (_, i) => fromMs + i * 6e4);
  const value = ts.map((_, i) => (i > 50 ? 1.7 : 0.4 + (i % 5) / 100));
  const score = ts.map((_, i) => (i > 50 ? 3 : 0.1));
  const [lower, upper] = [ts.map(() => 0.3), ts.map(() => 0.6)];
  const rest = { low: value, high: value, expected: ts.map(() => 0.45), flags: ts.map(() => 0) };
  return {
    id: "0",
    metric: "latency",
    labels: { service },
    unit: "s",
    ts,
    value,
    score,
    lower,
    upper,
    ...rest,
    ...over,
  };
}

function ask(over: Partial<Ask> = {}): Ask {
  return {
    form: "svg", width: 600, height: 260, scale: 1, dark: false, lang: "en", zone: "UTC", title: "", fromMs, toMs,
    series: [series("cart")], forecast: null, threshold: null, episodes: null, ...over,
  }; // biome-ignore format: one thing
}

const texts = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map((m) => m[1] ?? "");

it("says what, when and what the lines mean", () => {
  const said = texts(svgOf(ask({ threshold: 0.9 })));
  expect(said).toContain("latency service=cart");
  expect(said).toContain("29 Nov 2026 09:00 – 10:00 UTC · newest 1.7\u00a0s");
  for (const word of ["value", "expected", "threshold 900\u00a0ms", "anomaly", "09:10"]) expect(said).toContain(word);
});

it("speaks Japanese and another zone, and comes back", () => {
  const said = texts(svgOf(ask({ lang: "ja", zone: "Asia/Tokyo", threshold: 0.9 })));
  expect(said).toContain("2026年11月29日 18:00 – 19:00 JST · 最新 1.7\u00a0s");
  for (const word of ["予測範囲", "しきい値 900\u00a0ms", "18:10"]) expect(said).toContain(word);
  expect(texts(svgOf(ask()))).toContain("09:10");
});

it("takes its colours from the style sheet", () => {
  expect(svgOf(ask())).toContain('fill="#fbfcfc"');
  expect(svgOf(ask({ dark: true }))).toContain('fill="#151c28"');
});

it("names several series in the legend, and counts those that find no room", () => {
  const names = Array.from({ length: 11 }, (_, i) => `service-${i}`);
  const said = texts(svgOf(ask({ series: names.map((n) => series(n)) })));
  expect(said).toContain("service-7");
  expect(said).toContain("and 3 more");
  expect(said).not.toContain("service-8");
});

it("goes on to the end of the forecast", () => {
  const forecast = {
    series_id: "0", made_at_ms: toMs, step_ms: 36e5, mean: [0.5, 0.5], levels: [0.05, 0.25, 0.75, 0.95],
    quantiles: [[0.3, 0.3], [0.4, 0.4], [0.6, 0.6], [0.7, 0.7]],
  }; // biome-ignore format: one thing
  const said = texts(svgOf(ask({ forecast })));
  expect(said).toContain("12:00");
});

it("shades given stretches instead of those of the score", () => {
  const wash = (svg: string): number => svg.split('fill="#fbe6df"').length - 1;
  expect(wash(svgOf(ask({ episodes: [] })))).toBe(0);
  // Two stretches, and the entry of the legend.
  expect(wash(svgOf(ask({ episodes: [[fromMs, fromMs + 3e5], [fromMs + 9e5, fromMs + 12e5]] })))).toBe(3); // biome-ignore format: pairs
});

it("says that there is nothing rather than drawing an empty frame", () => {
  expect(texts(svgOf(ask({ series: [], title: "gone" })))).toContain(catalogues.en.none);
});

it("lets nobody write markup", () => {
  expect(svgOf(ask({ title: "<script>x</script>" }))).not.toContain("<script>");
});

it("gives a PNG of the asked size whose pixels follow the data", () => {
  const make = (w: number, h: number): Canvas => createCanvas(w, h) as unknown as Canvas;
  const one = Buffer.from(pngOf(ask({ form: "png", scale: 2 }), make));
  expect(one.subarray(1, 4).toString()).toBe("PNG");
  expect([one.readUInt32BE(16), one.readUInt32BE(20)]).toEqual([1200, 520]);
  const other = pngOf(
    ask({ form: "png", scale: 2, series: [series("cart", { value: series("cart").low.map(() => 2) })] }),
    make,
  );
  expect(Buffer.compare(one, Buffer.from(other))).not.toBe(0);
  expect(Buffer.compare(one, Buffer.from(pngOf(ask({ form: "png", scale: 2 }), make)))).toBe(0);
});

it("writes a PNG that reads back as it was, and the nearest of 256 colours where there are more", async () => {
  const colours = (n: number): Uint8ClampedArray =>
    new Uint8ClampedArray(Array.from({ length: 64 * 64 }, (_, i) => [i % n, (i * 7) % n, 200, 255]).flat());
  const back = async (rgba: Uint8ClampedArray): Promise<Uint8ClampedArray> => {
    const picture = await loadImage(Buffer.from(indexedPng(rgba, 64, 64)));
    const pen = createCanvas(64, 64).getContext("2d");
    pen.drawImage(picture, 0, 0);
    return pen.getImageData(0, 0, 64, 64).data;
  };
  expect([...(await back(colours(9)))]).toEqual([...colours(9)]);
  const many = new Uint8ClampedArray(
    Array.from({ length: 64 * 64 }, (_, i) => [(i % 64) * 4, Math.floor(i / 64) * 4, 100, 255]).flat(),
  );
  const off = (await back(many)).map((v, i) => Math.abs(v - (many[i] ?? 0)));
  expect(Math.max(...off)).toBeGreaterThan(0);
  expect((await back(many)).filter((_, i) => i % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
});

it("refuses what is no request, and says why", () => {
  const bad: [Record<string, unknown>, string][] = [
    [{ form: "gif" }, "form"], [{ width: 1 }, "width"], [{ height: Number.NaN }, "height"], [{ lang: "fr" }, "lang"],
    [{ width: 2000, height: 1500, scale: 3 }, "pixels"], [{ fromMs: toMs }, "fromMs"], [{ series: {} }, "series is a list"],
    [{ series: [{ ...series("a"), ts: ["x"] }] }, "series 0: ts"], [{ series: [{ ...series("a"), value: [{}] }] }, "series 0: value"],
    [{ series: [null] }, "series 0"], [{ episodes: [1] }, "episodes"], [{ threshold: "1" }, "threshold"],
  ]; // biome-ignore format: a table
  for (const [over, word] of bad) expect(() => askOf({ ...ask(), ...over })).toThrow(word);
  for (const value of [null, 3, "x", []]) expect(() => askOf(value)).toThrow();
  expect(askOf(ask())).toEqual(ask());
});

it("has the same words in both languages", () => {
  expect(Object.keys(catalogues.ja)).toEqual(Object.keys(catalogues.en));
});

it("cuts long texts and writes signs that the font has", () => {
  expect(cutTo("abcdef", wide("abc…", 10), 10)).toBe("abc…");
  expect(cutTo("abc", 1000, 10)).toBe("abc");
  expect(drawable("㈱アサヒ ｱｲｳ ～（）")).toBe("(株)アサヒ アイウ 〜（）");
});
