// The number of open episodes, for the navigation and the window's title.
import { signal } from "@preact/signals";
import type { Overview } from "../api/types";

export const openCount = signal(0);

export function openEpisodes(overview: Overview): void {
  openCount.value = overview.totals.open_episodes;
}
