import { describe, expect, it } from "vitest";
import { joined, strokes } from "../src/charts/lines";
import { difference } from "../src/pages/dashboards/edit/difference";
import { begin, canRedo, canUndo, present, push, redo, undo } from "../src/pages/dashboards/edit/history";
import { add, move, nudge, overlaps, remove, resize, rows, settle } from "../src/pages/dashboards/grid";
import { matching } from "../src/pages/dashboards/List";
import {
  BrokenImport,
  columns,
  type Dashboard,
  emptyQuery,
  filled,
  newId,
  type Panel,
  readDashboard,
  readFile,
} from "../src/pages/dashboards/model";
import { arc, share } from "../src/pages/dashboards/panels/arc";
import { cells } from "../src/pages/dashboards/panels/cells";
import { shortNames } from "../src/pages/dashboards/panels/Lines";
import { readyMade } from "../src/pages/dashboards/ready";
import { panelType, panelTypes, registerPanel } from "../src/pages/dashboards/registry";

const panel = (id: string, x: number, y: number, w: number, h: number): Panel => ({
  id,
  type: "text",
  title: id,
  x,
  y,
  w,
  h,
  query: emptyQuery,
  options: {},
});
const places = (panels: readonly Panel[]): Record<string, number[]> =>
  Object.fromEntries(panels.map((p) => [p.id, [p.x, p.y, p.w, p.h]]));

function sound(panels: readonly Panel[]): void {
  for (const [i, a] of panels.entries()) {
    expect(a.x).toBeGreaterThanOrEqual(0);
    expect(a.x + a.w).toBeLessThanOrEqual(columns);
    expect(a.y).toBeGreaterThanOrEqual(0);
    for (const b of panels.slice(i + 1)) expect(overlaps(a, b), `${a.id} on ${b.id}`).toBe(false);
  }
}

describe("the grid", () => {
  const three = [panel("a", 0, 0, 6, 4), panel("b", 6, 0, 6, 4), panel("c", 0, 4, 12, 3)];

  it("makes room for the one that moves, and lets the others rise", () => {
    const moved = move(three, "c", 0, 0);
    sound(moved);
    expect(places(moved)).toEqual({ c: [0, 0, 12, 3], a: [0, 3, 6, 4], b: [6, 3, 6, 4] });
    expect(places(remove(three, "a"))["c"]).toEqual([0, 4, 12, 3]);
    expect(places(remove(remove(three, "a"), "b"))["c"]).toEqual([0, 0, 12, 3]);
  });

  it("keeps panels inside and large enough", () => {
    sound(move(three, "a", 99, -5));
    expect(places(resize(three, "a", 99, 1))["a"]).toEqual([0, 0, 12, 2]);
    sound(resize(three, "a", 99, 99));
  });

  it("moves down past the panel below, also by keys", () => {
    const down = nudge(three, "a", 0, 1);
    sound(down);
    expect(down.find((p) => p.id === "a")?.y).toBeGreaterThan(down.find((p) => p.id === "c")?.y ?? 99);
    expect(places(nudge(three, "c", 0, 1))).toEqual(places(three));
    expect(places(nudge(three, "b", -1, 0))["b"]?.[0]).toBe(5);
    expect(nudge(three, "ghost", 1, 1)).toEqual(three);
  });

  it("adds where there is room", () => {
    const gap = [panel("a", 0, 0, 4, 4), panel("b", 8, 0, 4, 4)];
    expect(places(add(gap, panel("n", 0, 0, 4, 3)))["n"]).toEqual([4, 0, 4, 3]);
    expect(places(add(gap, panel("n", 0, 0, 6, 3)))["n"]).toEqual([0, 4, 6, 3]);
    expect(rows(gap)).toBe(4);
    expect(rows([])).toBe(0);
  });

  it("is sound and still after any sequence of moves", () => {
    let seed = 11;
    const random = (n: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      return seed % n;
    };
    let panels: Panel[] = [];
    for (let i = 0; i < 12; i++) panels = add(panels, panel(`p${i}`, 0, 0, 2 + random(6), 2 + random(4)));
    for (let i = 0; i < 300; i++) {
      const id = `p${random(12)}`;
      panels = random(2) ? move(panels, id, random(14) - 1, random(30) - 1) : resize(panels, id, random(14), random(8));
      sound(panels);
    }
    expect(places(settle(panels))).toEqual(places(panels));
    expect(panels.map((p) => p.id)).toEqual(Array.from({ length: 12 }, (_, i) => `p${i}`));
  });
});

describe("undo and redo", () => {
  it("goes back and forth, and forgets what was undone after a new change", () => {
    let h = push(push(begin(1), 2), 3);
    h = undo(h);
    expect(present(h)).toBe(2);
    expect(present(redo(h))).toBe(3);
    h = push(h, 9);
    expect(canRedo(h)).toBe(false);
    expect(present(undo(undo(undo(h))))).toBe(1);
    expect(canUndo(begin(1))).toBe(false);
  });

  it("takes a drag for one step", () => {
    let h = push(begin(0), 1, "drag");
    for (const n of [2, 3, 4]) h = push(h, n, "drag");
    expect(present(undo(h))).toBe(0);
    h = push(h, 5, "other");
    expect(present(undo(h))).toBe(4);
    expect(push(h, 5, "x")).toBe(h);
  });

  it("keeps a bounded number of steps", () => {
    let h = begin(0);
    for (let i = 1; i < 500; i++) h = push(h, i);
    expect(h.states.length).toBe(100);
    expect(present(h)).toBe(499);
  });
});

describe("reading dashboards", () => {
  it("reads what it writes", () => {
    for (const { dashboard } of readyMade((k) => k)) {
      expect(readFile(JSON.stringify(dashboard))).toEqual(dashboard);
      expect(readFile(JSON.stringify({ id: "x", version: 3, body: dashboard }))).toEqual(dashboard);
      sound(dashboard.panels);
      for (const p of dashboard.panels) expect(panelType(p.type), p.type).toBeDefined();
    }
  });

  it.each([
    "",
    "[]",
    "null",
    "{}",
    '{"panels":{}}',
    '{"panels":[3]}',
    '{"panels":[{"type":"<img>"}]}',
    "not json",
    '{"panels":[{}]}',
  ])("refuses %j with the place", (text) => expect(() => readFile(text)).toThrow(BrokenImport));

  it("refuses a huge one and brings numbers into bounds", () => {
    expect(() => readDashboard({ panels: new Array(61).fill({ type: "text" }) })).toThrow(BrokenImport);
    const d = readDashboard({
      panels: [
        { type: "text", x: 50, y: -3, w: 99, h: Number.NaN, query: { limit: 1e9 }, options: { a: {}, b: 1 } },
        { type: "text", id: "p0" },
      ],
      tags: [1, "x"],
      evil: 1,
    });
    expect(d.panels[0]).toMatchObject({ x: 0, y: 0, w: 12, h: 4, query: { limit: 50 }, options: { b: 1 } });
    expect(new Set(d.panels.map((p) => p.id)).size).toBe(2);
    expect(d.tags).toEqual(["x"]);
    expect(d).not.toHaveProperty("evil");
  });

  it("finds a free, legal id", () => {
    expect(newId("Ab c!/é", [], () => 0)).toBe("ab-c");
    expect(newId("日本", [], () => 0)).toBe("dashboard");
    expect(newId("x", ["x"], () => 0.5)).toMatch(/^x-[a-z0-9]+$/);
  });

  it("puts variables in", () => {
    expect(filled({ ...emptyQuery, service: "$service", q: "cpu $host" }, { service: "cart" })).toMatchObject({
      service: "cart",
      q: "cpu",
    });
    expect(filled({ ...emptyQuery, service: "$service" }, { service: "" })).toMatchObject({ service: "", any: true });
    expect(filled(emptyQuery, {})).not.toHaveProperty("any");
    expect(filled({ ...emptyQuery, service: "$services" }, { service: "cart" }).service).toBe("$services");
  });

  it("counts what changed between versions", () => {
    const a: Dashboard = {
      title: "t",
      description: "",
      folder: "",
      tags: [],
      from: "now-1h",
      variables: [],
      panels: [panel("a", 0, 0, 6, 4), panel("b", 6, 0, 6, 4)],
    };
    const b = { ...a, title: "u", panels: [{ ...panel("a", 0, 4, 6, 4), title: "new" }, panel("c", 0, 0, 2, 2)] };
    expect(difference(a, b)).toEqual([
      { what: "added", n: 1 },
      { what: "removed", n: 1 },
      { what: "moved", n: 1 },
      { what: "changed", n: 1 },
      { what: "about", n: 1 },
    ]);
    expect(difference(a, a)).toEqual([{ what: "nothing", n: 0 }]);
    expect(difference(undefined, a)).toEqual([{ what: "made", n: 1 }]);
    expect(difference(a, null)).toEqual([{ what: "deleted", n: 1 }]);
  });

  it("finds by words in title, folder and tags", () => {
    const kept = (id: string, title: string, folder: string, tags: string[]) => ({
      id,
      version: 1,
      author: "",
      atMs: 0,
      dashboard: readDashboard({ title, folder, tags, panels: [] }),
    });
    const all = [kept("1", "Pay", "shop", ["x"]), kept("2", "Cart", "shop", []), kept("3", "Hosts", "", ["infra"])];
    expect(matching(all, "").map((k) => k.id)).toEqual(["3", "2", "1"]);
    expect(matching(all, "shop x").map((k) => k.id)).toEqual(["1"]);
  });
});

describe("panels", () => {
  it("takes types of one's own", () => {
    const mine = {
      type: "mine",
      name: "Mine",
      size: { w: 2, h: 2 },
      series: false,
      options: [],
      load: async () => ({ default: () => null }),
    };
    registerPanel(mine);
    expect(panelType("mine")).toBe(mine);
    expect(panelTypes()).toContain(mine);
  });

  it("joins lines of different times and keeps gaps apart from no data", () => {
    const { ts, values } = joined([
      { ts: [1, 3], value: [10, null] },
      { ts: [2, 3], value: [20, 30] },
    ]);
    expect(ts).toEqual([1, 2, 3]);
    expect(values).toEqual([
      [10, undefined, null],
      [undefined, 20, 30],
    ]);
  });

  it("tells lines apart by dash alone", () =>
    expect(new Set(strokes.map((s) => s.dash.join())).size).toBe(strokes.length));

  it("names series by what differs", () => {
    expect(
      shortNames([
        { metric: "cpu", labels: { service: "a", env: "p" } },
        { metric: "cpu", labels: { service: "b", env: "p" } },
      ]),
    ).toEqual(["a", "b"]);
    expect(
      shortNames([
        { metric: "cpu", labels: {} },
        { metric: "mem", labels: {} },
      ]),
    ).toEqual(["cpu", "mem"]);
    expect(shortNames([{ metric: "cpu", labels: { service: "a" } }])).toEqual(["cpu"]);
  });

  it("keeps the worst score of each stretch", () => {
    expect(cells([0, 1, 5, 9, 10, -1], [0.5, 2, null, 1, 9, 9], 0, 10, 2)).toEqual([2, 1]);
    expect(cells([], [], 0, 10, 3)).toEqual([null, null, null]);
  });

  it("draws gauges inside their half circle", () => {
    expect([share(5, 0, 10), share(-5, 0, 10), share(99, 0, 10), share(null, 0, 10), share(1, 5, 5)]).toEqual([
      0.5, 0, 1, 0, 0,
    ]);
    expect(arc(0, 0.5)).toBe("M10.00 60.00A50 50 0 0 1 60.00 10.00");
  });
});
