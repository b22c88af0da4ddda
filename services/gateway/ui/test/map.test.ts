import { describe, expect, it } from "vitest";
import { acyclic, layersOf, layout, nearby, telling } from "../src/map/layout";

const link = (text: string) => {
  const [from = "", to = ""] = text.split(">");
  return { from, to };
};
const size = { node: 100, row: 40, gap: 50 };

describe("the dependency map", () => {
  it("puts callers left of what they call", () => {
    const links = ["web>cart", "cart>pay", "web>pay", "pay>db"].map(link);
    const at = new Map(layout(["db", "pay", "web", "cart"], links, size).nodes.map((n) => [n.name, n]));
    for (const { from, to } of links) expect((at.get(from)?.x ?? 0) < (at.get(to)?.x ?? 0), `${from}>${to}`).toBe(true);
  });

  it("breaks circles and self-calls without losing a node", () => {
    const links = ["a>b", "b>c", "c>a", "c>c"].map(link);
    expect(acyclic(["a", "b", "c"], links)).toEqual([link("a>b"), link("b>c")]);
    expect(
      layout(["a", "b", "c"], links, size)
        .nodes.map((n) => n.name)
        .sort(),
    ).toEqual(["a", "b", "c"]);
  });

  it("never puts two nodes on one place, and stays in its frame", () => {
    const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
    const links = names.flatMap((n, i) => [link(`${n}>n${(i * 7 + 1) % 40}`), link(`${n}>n${(i * 3 + 5) % 40}`)]);
    const { nodes, width, height } = layout(names, links, size);
    expect(new Set(nodes.map((n) => `${n.x},${n.y}`)).size).toBe(40);
    for (const n of nodes) {
      expect(n.x + size.node).toBeLessThanOrEqual(width);
      expect(n.y + size.row).toBeLessThanOrEqual(height + 1e-9);
      expect(n.y).toBeGreaterThanOrEqual(0);
    }
  });

  it("gives the same picture whatever the order of its input", () => {
    const names = ["a", "b", "c", "d"];
    const links = ["a>c", "a>d", "b>c", "b>d"].map(link);
    expect(layout([...names].reverse(), [...links].reverse(), size)).toEqual(layout(names, links, size));
  });

  it("leaves links to strangers out and bears an empty map", () => {
    expect(layout(["a"], [link("a>ghost")], size).nodes).toHaveLength(1);
    expect(layout([], [], size).nodes).toEqual([]);
  });

  it("counts the deepest way", () => {
    expect(layersOf(["a", "b", "c"], ["a>b", "b>c", "a>c"].map(link)).get("c")).toBe(2);
  });

  it("takes the neighbours of an incident, and theirs when asked", () => {
    const links = ["a>b", "b>c", "c>d", "x>y"].map(link);
    expect(nearby(["b"], links, 1)).toEqual(["a", "b", "c"]);
    expect(nearby(["b"], links, 2)).toEqual(["a", "b", "c", "d"]);
    expect(nearby(["b"], links, 0)).toEqual(["b"]);
  });

  it("leaves out hints without direction between entities whose dependencies are known", () => {
    const edge = (caller: string, callee: string, directed: boolean) => ({ caller, callee, directed });
    const kept = telling([edge("web", "pay", true), edge("pay", "web", false), edge("pay", "new", false)]);
    expect(kept.map((e) => e.callee)).toEqual(["pay", "new"]);
  });
});
