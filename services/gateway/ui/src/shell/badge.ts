// The numbers beside pages in the navigation; firing alerts stand in the window's title too.
import { signal } from "@preact/signals";
import type { Overview } from "../api/types";

/** By the name of the page. */
export const counts = signal<Record<string, number>>({});

export function count(page: string, n: number): void {
  if (counts.value[page] !== n) counts.value = { ...counts.value, [page]: n };
}

export function openEpisodes(overview: Overview): void {
  count("episodes", overview.totals.open_episodes);
}
