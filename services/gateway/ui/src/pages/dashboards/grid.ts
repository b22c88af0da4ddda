// The grid: panels never overlap, and fall up until something holds them. Pure, in units of cells.
import { columns, type Panel } from "./model";

type Box = Pick<Panel, "x" | "y" | "w" | "h">;

export const overlaps = (a: Box, b: Box): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

const byPlace = (a: Box, b: Box): number => a.y - b.y || a.x - b.x;

function dropTo(panel: Panel, others: readonly Panel[], y: number): Panel {
  let at = { ...panel, y };
  while (others.some((o) => overlaps(at, o))) at = { ...at, y: at.y + 1 };
  return at;
}

function rise(panel: Panel, others: readonly Panel[]): Panel {
  let at = panel;
  while (at.y > 0 && !others.some((o) => overlaps({ ...at, y: at.y - 1 }, o))) at = { ...at, y: at.y - 1 };
  return at;
}

/** Puts everything right after a change; the panel with `first` keeps its place, the others make room. Order of the list is kept. */
export function settle(panels: readonly Panel[], first = ""): Panel[] {
  const order = [...panels].sort((a, b) => Number(b.id === first) - Number(a.id === first) || byPlace(a, b));
  const dropped: Panel[] = [];
  for (const p of order) dropped.push(dropTo(p, dropped, p.y));
  const risen: Panel[] = [];
  for (const p of dropped.sort(byPlace)) risen.push(rise(p, risen));
  const at = new Map(risen.map((p) => [p.id, p]));
  return panels.map((p) => at.get(p.id) ?? p);
}

function changed(panels: readonly Panel[], id: string, change: (p: Panel) => Partial<Panel>): Panel[] {
  return settle(
    panels.map((p) => (p.id === id ? { ...p, ...change(p) } : p)),
    id,
  );
}

/** Moves a panel to a cell, kept inside the grid. */
export function move(panels: readonly Panel[], id: string, x: number, y: number): Panel[] {
  return changed(panels, id, (p) => ({
    x: Math.min(Math.max(Math.round(x), 0), columns - p.w),
    y: Math.max(Math.round(y), 0),
  }));
}

/** Moves a panel by keys. Down means: past the panel that holds it from below, as otherwise it would fall straight back. */
export function nudge(panels: readonly Panel[], id: string, dx: number, dy: number): Panel[] {
  const p = panels.find((x) => x.id === id);
  if (!p) return [...panels];
  if (dy <= 0) return move(panels, id, p.x + dx, p.y + dy);
  const below = panels
    .filter((o) => o.id !== id && o.y >= p.y + p.h && o.x < p.x + p.w && p.x < o.x + o.w)
    .sort(byPlace)[0];
  if (!below) return [...panels];
  return settle(
    panels.map((o) => (o.id === below.id ? { ...o, y: p.y } : o.id === id ? { ...o, y: p.y + below.h } : o)),
    below.id,
  );
}

export function resize(panels: readonly Panel[], id: string, w: number, h: number): Panel[] {
  return changed(panels, id, (p) => ({
    w: Math.min(Math.max(Math.round(w), 2), columns - p.x),
    h: Math.min(Math.max(Math.round(h), 2), 24),
  }));
}

export function remove(panels: readonly Panel[], id: string): Panel[] {
  return settle(panels.filter((p) => p.id !== id));
}

/** Adds a panel at the first place where it fits, row by row. */
export function add(panels: readonly Panel[], panel: Panel): Panel[] {
  for (let y = 0; ; y++) {
    for (let x = 0; x + panel.w <= columns; x++) {
      const at = { ...panel, x, y };
      if (!panels.some((p) => overlaps(at, p))) return settle([...panels, at], panel.id);
    }
  }
}

/** Rows in use. */
export const rows = (panels: readonly Panel[]): number => panels.reduce((a, p) => Math.max(a, p.y + p.h), 0);
