// Marks on charts: what happened and what people wrote. Asked once a page, drawn by every chart that they are about.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, source } from "../api/http";
import type { Labels } from "../api/types";
import { useEvery, useResource } from "../state/resource";
import type { Range } from "../time/range";
import type { Frame, Pen, Picture } from "./paint";

export interface Note {
  at_ms: number;
  end_ms: number;
  title: string;
  kind?: string;
  text?: string;
  entity?: string;
  /** Of notes that people wrote, which alone can be changed. */
  id?: string;
  version?: number;
  author?: string;
  tags?: string[];
  series?: string[];
}

export interface About {
  id: string;
  labels: Labels;
}

export const notes = signal<readonly Note[]>([]);
/** Grows when somebody here has written, changed or deleted a note. */
export const written = signal(0);

const againMs = 60_000;

/** A mark without words. */
export const moment = (ms: number): Note => ({ at_ms: ms, end_ms: ms, title: "" });

/** Keeps `notes` at the range of the page. */
export function useNotes(range: Range & { key: string }): void {
  const key = source.get ? null : `${range.key}|${written.value}`;
  const found = useResource<{ items: Note[] }>(key, (abort) =>
    get("/annotations", { from: Math.round(range.fromMs), to: Math.round(range.toMs) }, abort),
  );
  useEvery(againMs, found.reload);
  useEffect(() => {
    notes.value = found.data?.items ?? [];
  }, [found.data]);
}

/** What happened is on every chart; what people wrote on those of its series or entity. */
export const notesOf = (all: readonly Note[], about: readonly About[]): Note[] =>
  all.filter(
    (n) =>
      n.kind !== "note" ||
      ((!n.series?.length || about.some((a) => n.series?.includes(a.id))) &&
        (!n.entity || about.some((a) => Object.values(a.labels).includes(n.entity ?? "")))),
  );

const rowPx = 12;
const rows = 3;
const longest = 28;

/** A dashed line at the start, a wash to the end; in a file the titles stand beside the lines, because nothing can be pointed at. */
export function paintNotes(pen: Pen, p: Picture, f: Frame): void {
  pen.strokeStyle = p.ink.fuji;
  pen.fillStyle = `${p.ink.fuji}26`;
  pen.lineWidth = 1;
  pen.setLineDash([4, 3]);
  pen.beginPath();
  for (const n of p.notes) {
    const x = f.x(n.at_ms);
    if (n.end_ms > n.at_ms) pen.fillRect(x, f.top, f.x(n.end_ms) - x, f.height);
    pen.moveTo(x, f.top);
    pen.lineTo(x, f.top + f.height);
  }
  pen.stroke();
  pen.setLineDash([]);
  if (!p.titled) return;
  pen.fillStyle = p.ink.soft;
  pen.font = p.ink.font;
  pen.textAlign = "left";
  p.notes.forEach((n, i) => {
    const text = n.title.length > longest ? `${n.title.slice(0, longest)}…` : n.title;
    if (text) pen.fillText(text, Math.max(f.x(n.at_ms), f.left) + 3, f.top + rowPx / 2 + (i % rows) * rowPx);
  });
}
