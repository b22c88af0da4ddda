// Notes as things that can be pointed at, read and opened: what lies close together shares a mark.
import { me } from "../api/http";
import { dayClock } from "../time/format";
import type { Note } from "./notes";
import type { Picture } from "./paint";

/** Marks in the width of a chart: on a phone few enough for a finger to meet one alone. */
const places = (): number => (innerWidth < 700 ? 14 : 40);

export const words = (n: Note): string =>
  [
    `${dayClock(n.at_ms)}${n.end_ms > n.at_ms ? ` – ${dayClock(n.end_ms)}` : ""} ${n.title}`,
    n.text,
    n.tags?.join(", "),
    n.author,
  ]
    .filter(Boolean)
    .join(" · ");

/** The notes of each place that has some: from left to right. */
export function clusters(p: Pick<Picture, "notes" | "fromMs" | "toMs">): [number, Note[]][] {
  const found = new Map<number, Note[]>();
  const many = places();
  for (const n of p.notes) {
    if (!n.title || n.end_ms < p.fromMs || n.at_ms > p.toMs) continue;
    const place = Math.round(((Math.max(n.at_ms, p.fromMs) - p.fromMs) / (p.toMs - p.fromMs)) * many) / many;
    found.set(place, [...(found.get(place) ?? []), n]);
  }
  return [...found].sort(([a], [b]) => a - b);
}

export function Marks({ picture }: { picture: Picture }) {
  return (
    <>
      {clusters(picture).map(([place, list]) => {
        const own = list.filter((n) => n.kind === "note");
        const open = async (): Promise<void> => {
          if (own.length > 1 || (own.length && me.value?.role !== "viewer"))
            (await import("../take/Annotate")).annotate(picture, own.length > 1 ? list : own);
        };
        return (
          <button
            key={place}
            type="button"
            class={`note-mark${place > 0.5 ? " end" : ""}${list.length > 1 ? " many" : ""}`}
            style={{ left: `${place * 100}%` }}
            onPointerDown={(e) => e.stopPropagation()}
            onClick={() => void open()}
          >
            {list.length > 1 && list.length}
            <span>
              {list.map((n) => (
                <span key={n.id}>{words(n)}</span>
              ))}
            </span>
          </button>
        );
      })}
    </>
  );
}
