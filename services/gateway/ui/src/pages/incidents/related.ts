// What belongs to an incident and is kept elsewhere: its episodes, and the changes that its text only names by id.
import { get } from "../../api/http";
import type { Episode, Incident, Page } from "../../api/types";

export interface Related {
  episodes: Episode[];
  /** Sentence of each change, by its id. */
  changes: Record<string, string>;
}

/** Changes up to a day before the first sign may have mattered. */
const beforeMs = 864e5;

export async function related(i: Incident, abort?: AbortSignal): Promise<Related> {
  const from = i.opened_ms - beforeMs;
  const to = Math.max(i.closed_ms ?? i.updated_ms, i.opened_ms) + 6e4;
  const mine = new Set(i.episodes ?? []);
  const [episodes, notes] = await Promise.all([
    get<Page<Episode>>("/episodes", { from, to, limit: 200 }, abort),
    get<Page<{ id?: string; title: string }>>("/annotations", { from, to, limit: 200 }, abort),
  ]);
  return {
    episodes: episodes.items.filter((e) => mine.has(e.id)),
    changes: Object.fromEntries(notes.items.filter((n) => n.id).map((n) => [n.id ?? "", n.title])),
  };
}

/** Ids of changes in a sentence, replaced by what was changed. */
export function inWords(text: string, changes: Record<string, string>): string {
  return text.replace(/event-[0-9a-f]{8,}/g, (id) => changes[id] ?? id);
}

/** When each entity showed its first sign. */
export function firstSigns(episodes: readonly Episode[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const e of episodes) {
    const who = e.labels["service"] ?? e.labels["host"] ?? "";
    first.set(who, Math.min(first.get(who) ?? Number.POSITIVE_INFINITY, e.opened_ms));
  }
  return first;
}
