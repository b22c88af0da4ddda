// Keeps the number of open episodes in the title and in the navigation.
import { live } from "../api/live";
import type { Overview } from "../api/types";
import { openEpisodes } from "./badge";

export const feedBadge = (): (() => void) =>
  live.want({ topic: "overview", onFinding: (item) => openEpisodes(item as Overview) });
