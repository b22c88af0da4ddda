// What changed from one version to the next, counted. Pure.
import { type Dashboard, type Panel, readDashboard } from "../model";

export interface Difference {
  what: "made" | "deleted" | "added" | "removed" | "moved" | "changed" | "about" | "nothing";
  n: number;
}

function read(body: unknown): Dashboard | null {
  try {
    return readDashboard(body);
  } catch {
    return null; // a deletion, or a version that another client wrote in a way of its own
  }
}

const place = (p: Panel): string => `${p.x},${p.y},${p.w},${p.h}`;
const rest = (p: Panel): string => JSON.stringify([p.type, p.title, p.query, p.options]);

export function difference(before: unknown, after: unknown): Difference[] {
  const [a, b] = [read(before), read(after)];
  if (!b) return [{ what: "deleted", n: 1 }];
  if (!a) return [{ what: "made", n: 1 }];
  const old = new Map(a.panels.map((p) => [p.id, p]));
  const found = (test: (p: Panel, o: Panel) => boolean): number =>
    b.panels.filter((p) => old.has(p.id) && test(p, old.get(p.id) as Panel)).length;
  const about = JSON.stringify({ ...a, panels: [] }) === JSON.stringify({ ...b, panels: [] }) ? 0 : 1;
  const all: Difference[] = [
    { what: "added", n: b.panels.filter((p) => !old.has(p.id)).length },
    { what: "removed", n: a.panels.filter((p) => !b.panels.some((x) => x.id === p.id)).length },
    { what: "moved", n: found((p, o) => place(p) !== place(o)) },
    { what: "changed", n: found((p, o) => rest(p) !== rest(o)) },
    { what: "about", n: about },
  ];
  const some = all.filter((d) => d.n > 0);
  return some.length ? some : [{ what: "nothing", n: 0 }];
}
