// A dependency map in layers: callers left, what they need right. Sugiyama's steps (1981) in their plainest form: break circles,
// longest-path layers, barycentre sweeps. Pure; the same graph always gives the same picture.

export interface Link {
  from: string;
  to: string;
}

export interface Placed {
  name: string;
  layer: number;
  x: number;
  y: number;
}

export interface Layout {
  nodes: Placed[];
  width: number;
  height: number;
}

export interface Size {
  node: number;
  row: number;
  gap: number;
}

/** Links that do not close a circle, found by depth-first search in name order. */
export function acyclic(names: readonly string[], links: readonly Link[]): Link[] {
  const next = new Map<string, string[]>(names.map((n) => [n, []]));
  for (const { from, to } of links) if (from !== to) next.get(from)?.push(to);
  const state = new Map<string, 1 | 2>();
  const kept: Link[] = [];
  const visit = (from: string): void => {
    state.set(from, 1);
    for (const to of [...(next.get(from) ?? [])].sort()) {
      if (state.get(to) === 1) continue;
      kept.push({ from, to });
      if (!state.has(to)) visit(to);
    }
    state.set(from, 2);
  };
  for (const name of [...names].sort()) if (!state.has(name)) visit(name);
  return kept;
}

/** Layer of each node: one more than the deepest of its callers. */
export function layersOf(names: readonly string[], links: readonly Link[]): Map<string, number> {
  const layer = new Map<string, number>(names.map((n) => [n, 0]));
  for (let round = 0; round < names.length; round++) {
    let moved = false;
    for (const { from, to } of links) {
      const want = (layer.get(from) ?? 0) + 1;
      if ((layer.get(to) ?? 0) < want) {
        layer.set(to, want);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return layer;
}

function sweep(rows: string[][], links: readonly Link[], down: boolean): void {
  const order = down ? rows.keys() : [...rows.keys()].reverse();
  const at = new Map<string, number>();
  for (const row of rows) for (const [i, name] of row.entries()) at.set(name, i - row.length / 2);
  for (const i of order) {
    const row = rows[i] ?? [];
    const pull = (name: string): number => {
      const near = links.filter((l) => (down ? l.to : l.from) === name).map((l) => at.get(down ? l.from : l.to) ?? 0);
      return near.length ? near.reduce((a, b) => a + b, 0) / near.length : (at.get(name) ?? 0);
    };
    row.sort((a, b) => pull(a) - pull(b) || a.localeCompare(b));
    for (const [j, name] of row.entries()) at.set(name, j - row.length / 2);
  }
}

/** Places every node; links to names that are not nodes are left out. */
export function layout(names: readonly string[], links: readonly Link[], size: Size): Layout {
  const known = new Set(names);
  const kept = acyclic(
    names,
    links.filter((l) => known.has(l.from) && known.has(l.to)),
  );
  const layer = layersOf(names, kept);
  const rows: string[][] = [];
  for (const name of [...names].sort()) {
    const l = layer.get(name) ?? 0;
    const row = rows[l];
    if (row) row.push(name);
    else rows[l] = [name];
  }
  for (let i = 0; i < 6; i++) sweep(rows, kept, i % 2 === 0);
  const tallest = Math.max(1, ...rows.map((r) => r.length));
  const nodes = rows.flatMap((row, l) =>
    row.map((name, i) => ({
      name,
      layer: l,
      x: l * (size.node + size.gap),
      y: (i + (tallest - row.length) / 2) * size.row,
    })),
  );
  return { nodes, width: Math.max(rows.length, 1) * (size.node + size.gap) - size.gap, height: tallest * size.row };
}

/**
 * The edges worth drawing. A learned hint has no direction and would bend the layers; between entities whose dependencies are known
 * it adds nothing. It is kept where nothing better is known of one of its ends.
 */
export function telling<E extends { caller: string; callee: string; directed?: boolean }>(edges: readonly E[]): E[] {
  const known = new Set(edges.filter((e) => e.directed !== false).flatMap((e) => [e.caller, e.callee]));
  return edges.filter((e) => e.directed !== false || !known.has(e.caller) || !known.has(e.callee));
}

/** Names within some steps of the given ones, in both directions: what of a large map belongs to one incident. */
export function nearby(seeds: readonly string[], links: readonly Link[], steps: number): string[] {
  const found = new Set(seeds);
  for (let i = 0; i < steps; i++) {
    for (const { from, to } of [...links]) {
      if (found.has(from) !== found.has(to) && (i === 0 || found.size < 60)) {
        if (seeds.includes(from) || seeds.includes(to) || i > 0) {
          found.add(from);
          found.add(to);
        }
      }
    }
  }
  return [...found].sort();
}
