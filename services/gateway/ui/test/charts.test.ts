import { describe, expect, it } from "vitest";
import { columnsOf } from "../src/charts/columns";
import type { Ink } from "../src/charts/ink";
import { clusters } from "../src/charts/Marks";
import { moment, type Note, notesOf } from "../src/charts/notes";
import { frameOf, type Pen, type Picture, paint } from "../src/charts/paint";
import { firstFrom, nearest, niceStep, timeTicks, valueTicks } from "../src/charts/scale";
import { pictureOf } from "../src/charts/TimeChart";
import { curlOf, grafanaOf, sqlOf } from "../src/take/queries";
import { csvOfPicture, csvOfText, svgOfPicture } from "../src/take/take";

const h = 36e5;
const d = 24 * h;
const ink = Object.fromEntries(
  ["ink", "soft", "hair", "kon", "shu", "asagi", "fuji", "wash", "band"].map((n) => [n, n]),
) as unknown as Ink;

const picture = (over: Partial<Picture>): Picture => ({
  ts: [],
  fromMs: 0,
  toMs: 100,
  areas: [],
  curves: [],
  odd: [],
  notes: [],
  ink,
  table: [],
  timeWord: String,
  valueWord: String,
  ...over,
});

/** A pen that writes down what it was told. */
function recorder(): { pen: Pen; said: [string, ...unknown[]][] } {
  const said: [string, ...unknown[]][] = [];
  const pen = new Proxy({} as Record<string, unknown>, {
    get: (kept, name: string) => kept[name] ?? ((...a: unknown[]) => said.push([name, ...a])),
    set: (kept, name: string, value) => {
      kept[name] = value;
      return true;
    },
  });
  return { pen: pen as unknown as Pen, said };
}

describe("scales", () => {
  it("steps as people count", () => {
    expect([0.013, 0.7, 1, 1.1, 2.1, 30, 51].map(niceStep)).toEqual([0.02, 1, 1, 2, 2.5, 50, 100]);
  });

  it("holds all values, begins at zero when that is near, and gives a flat series room", () => {
    for (const [low, high] of [
      [3, 97],
      [-5, 5],
      [1e-9, 3e-9],
      [1e12, 1.001e12],
      [-70, -1],
    ] as const) {
      const v = valueTicks(low, high, 5);
      expect(v.low).toBeLessThanOrEqual(low);
      expect(v.high).toBeGreaterThanOrEqual(high);
      expect(v.at.length).toBeGreaterThan(1);
      expect(v.at.length).toBeLessThan(8);
      expect(Math.min(...v.at)).toBeGreaterThanOrEqual(v.low);
    }
    expect(valueTicks(3, 97, 5).low).toBe(0);
    const flat = valueTicks(5, 5, 5);
    expect((flat.low + flat.high) / 2).toBeCloseTo(5);
    expect(valueTicks(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5).at).toEqual([]);
  });

  it("puts times on whole steps of the local clock, also on the day when it changes", () => {
    expect(timeTicks(0, 4 * h, 4, () => 0)).toEqual([0, h, 2 * h, 3 * h, 4 * h]);
    // East of Greenwich by nine hours: the day begins at 15:00 UTC.
    expect(timeTicks(0, 2 * d, 3, () => 9 * h)).toEqual([15 * h, 39 * h]);
    // The clock goes an hour forward in the first night: both midnights stay midnights.
    const changing = (ms: number): number => (ms < d ? h : 2 * h);
    expect(timeTicks(0, 3 * d, 3, changing)).toEqual([d - h, 2 * d - 2 * h, 3 * d - 2 * h]);
    for (const span of [5e3, 6e4, h, d, 30 * d, 800 * d])
      expect(timeTicks(1.7e12, 1.7e12 + span, 8, () => 0).length).toBeLessThanOrEqual(9);
  });

  it("finds the nearest sample", () => {
    const ts = [10, 20, 40];
    expect([0, 14, 16, 31, 99].map((x) => nearest(ts, x))).toEqual([0, 0, 1, 2, 2]);
    expect(nearest([], 5)).toBe(-1);
    expect([10, 11, 41].map((x) => firstFrom(ts, x))).toEqual([0, 1, 3]);
  });
});

describe("drawing", () => {
  it("keeps every extreme of a dense line, with a few strokes a pixel", () => {
    const n = 50_000;
    const ts = Array.from({ length: n }, (_, i) => (i / n) * 100);
    const values = ts.map((_, i) => (i === 31_234 ? 1000 : i === 17 ? -1000 : i % 7));
    const p = picture({ ts, curves: [{ values, stroke: "x", width: 1 }] });
    const { pen, said } = recorder();
    const f = paint(pen, p, 600, 200);
    const ys = said.filter(([name]) => name === "lineTo").map(([, , y]) => y);
    expect(ys).toContain(f.y(1000));
    expect(ys).toContain(f.y(-1000));
    expect(ys.length).toBeLessThan(600 * 2 * 4);
  });

  it("breaks a line at null and goes on over undefined", () => {
    const curve = (values: (number | null | undefined)[]) => {
      const { pen, said } = recorder();
      paint(pen, picture({ ts: [0, 50, 100], curves: [{ values, stroke: "x", width: 1 }] }), 600, 200);
      // Moves of the axes come first: only those after clipping belong to the curve.
      return said.slice(said.findIndex(([name]) => name === "clip")).filter(([name]) => name === "moveTo").length;
    };
    expect(curve([1, null, 2])).toBe(2);
    expect(curve([1, undefined, 2])).toBe(1);
  });

  it("draws nothing but axes for a series without samples, and survives one sample", () => {
    const { pen, said } = recorder();
    paint(pen, picture({}), 600, 200);
    expect(said.filter(([name]) => name === "fill")).toEqual([]);
    expect(() =>
      paint(
        recorder().pen,
        picture({ ts: [50], curves: [{ values: [3], stroke: "x", width: 1, dots: true }] }),
        10,
        10,
      ),
    ).not.toThrow();
  });

  it("scales to what is in view, not to what lies outside", () => {
    const p = picture({ ts: [-900, -800, 10, 90], curves: [{ values: [9999, 9999, 4, 5], stroke: "x", width: 1 }] });
    const f = frameOf({ ...p, ts: [-900, -800, -1, 90] }, 600, 200);
    expect(f.y(5)).toBeGreaterThan(0);
    expect(f.first).toBe(2);
    expect(f.timeAt(f.x(37))).toBeCloseTo(37);
  });
});

describe("taking a chart away", () => {
  const columns = columnsOf({
    ts: [0, 50, 100],
    value: [1.5, null, 3],
    score: [0, 0, 2],
    lower: [1, 1, 1],
    upper: [2, 2, 2],
  });
  const drawn = () => pictureOf({ name: "m", unit: "", columns, fromMs: 0, toMs: 100 }, ink);

  it("writes the numbers with a header and ISO times", () => {
    const [head, row] = csvOfPicture(drawn()).split("\n");
    expect(head).toBe("time,value,low,high,score,expected,lower,upper");
    expect(row).toBe("1970-01-01T00:00:00.000Z,1.5,,,0,,1,2");
  });

  it("writes a table, and keeps a text that a spreadsheet would run a text", () => {
    const panel = document.createElement("section");
    panel.innerHTML =
      '<table><tr><th>name</th><th>value</th></tr><tr><td>=1+1</td><td>-3</td></tr><tr><td>a, "b"</td><td>2</td></tr></table>';
    expect(csvOfText(panel)).toBe(["name,value", "'=1+1,-3", '"a, ""b""",2'].join("\n"));
  });

  it("draws the same picture as SVG: clipped, groups closed, the title as text", () => {
    const svg = svgOfPicture({ picture: drawn(), width: 600, height: 200 }, "a <b> & c", "#fff");
    expect(svg).toContain("a &lt;b&gt; &amp; c");
    expect(svg).not.toContain("<b>");
    expect(svg.match(/<g /g)?.length).toBe(svg.match(/<\/g>/g)?.length);
    expect(svg.match(/<svg /g)?.length).toBe(svg.match(/<\/svg>/g)?.length);
    expect(svg.match(/<path /g)?.length).toBeGreaterThan(3);
  });

  it("writes requests whose words nothing can leave", () => {
    expect(curlOf("http://x/?a='; rm -rf ~'")).toContain("'http://x/?a='\\''; rm -rf ~'\\'''");
    expect(sqlOf(["0a') OR 1=1"], 0, 1000)).toContain("IN ('0a11')");
    expect(sqlOf(["ff"], 0, 1000)).toContain("toDateTime64('1970-01-01 00:00:00.000', 3, 'UTC')");
    expect(grafanaOf(["ff"])).toContain("$__timeFilter(time)");
  });
});

const note = (over: Partial<Note>): Note => ({ at_ms: 10, end_ms: 10, title: "x", ...over });
const series = { id: "01", labels: { service: "pay" } };

describe("notes", () => {
  it("draws a line at a moment, a wash over a range, and titles in files alone", () => {
    const p = picture({ notes: [note({ title: "deploy" }), note({ at_ms: 50, end_ms: 80, title: "sale" })] });
    const drawn = (q: Picture) => {
      const { pen, said } = recorder();
      paint(pen, q, 480, 134);
      return said;
    };
    const texts = (q: Picture) =>
      drawn(q).filter(([name, text]) => name === "fillText" && /deploy|sale/.test(`${text}`));
    expect(drawn(p).filter(([name]) => name === "fillRect").length).toBe(1);
    expect(texts(p)).toEqual([]);
    expect(texts({ ...p, titled: true }).map(([, text]) => text)).toEqual(["deploy", "sale"]);
    expect(svgOfPicture({ picture: p, width: 480, height: 134 }, "Latency", "#fff")).toContain(">sale</text>");
  });

  it("puts what people wrote on the charts of its series or entity, what happened on all", () => {
    const all = [
      note({ id: "deploy", kind: "change", entity: "db" }),
      note({ id: "all", kind: "note" }),
      note({ id: "mine", kind: "note", series: ["01"] }),
      note({ id: "other", kind: "note", series: ["02"] }),
      note({ id: "pay", kind: "note", entity: "pay" }),
      note({ id: "db", kind: "note", entity: "db" }),
    ];
    expect(notesOf(all, [series]).map((n) => n.id)).toEqual(["deploy", "all", "mine", "pay"]);
  });

  it("gives one mark to what lies close together, none to what has no words or is out of view", () => {
    const found = clusters({
      fromMs: 0,
      toMs: 1000,
      notes: [
        note({ at_ms: 500 }),
        note({ at_ms: 503 }),
        note({ at_ms: -50, end_ms: 20 }),
        moment(700),
        note({ at_ms: 2000, end_ms: 2000 }),
      ],
    });
    expect(found.map(([place, list]) => [place, list.length])).toEqual([
      [0, 1],
      [0.5, 2],
    ]);
  });
});
