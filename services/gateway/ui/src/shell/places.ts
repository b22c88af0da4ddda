// The pages: address, one-character mark, and the code to load with its catalogue. A page stands here only when it works.
import type { ComponentType } from "preact";
import { me } from "../api/http";
import { need } from "../i18n";

export interface Destination {
  name: string;
  path: string;
  /** The character that stands for the page in the navigation; the label beside it says the same in words. */
  glyph: string;
  key: string;
  /** Shown to administrators only; the gateway refuses the others anyway. */
  admin?: boolean;
  load: () => Promise<{ default: ComponentType }>;
}

const page = (name: string, path: string, glyph: string, key: string, load: Destination["load"]): Destination => ({
  name,
  path,
  glyph,
  key,
  load: async () => (await Promise.all([load(), need("parts", name)]))[0],
});

export const places: readonly Destination[] = [
  page("overview", "/", "観", "o", () => import("../pages/overview/Overview")),
  page("explore", "/explore", "探", "x", () => import("../pages/explore/Explore")),
  page("episodes", "/episodes", "兆", "e", () => import("../pages/episodes/Episodes")),
  page("incidents", "/incidents", "因", "i", () => import("../pages/incidents/Incidents")),
  page("forecast", "/forecast", "予", "f", () => import("../pages/forecast/Forecast")),
  page(
    "alerts",
    "/alerts",
    "警",
    "a",
    async () =>
      // The verdict is the one of episodes, in the same words.
      (await Promise.all([import("../pages/alerts/Alerts"), need("episodes")]))[0],
  ),
  page("dashboards", "/dashboards", "盤", "d", () => import("../pages/dashboards/Dashboards")),
  page("health", "/health", "脈", "h", () => import("../pages/health/Health")),
  { ...page("queries", "/queries", "問", "q", () => import("../pages/queries/Queries")), admin: true },
  page("connect", "/connect", "結", "c", () => import("../pages/connect/Connect")),
];

/** The page of a path: the longest address that it begins with. */
export function placeOf(path: string): Destination | null {
  if (path === "/") return places[0] ?? null;
  return places.find((p) => p.path !== "/" && (path === p.path || path.startsWith(`${p.path}/`))) ?? null;
}

export const allowed = (p: Destination): boolean => !p.admin || me.value?.role === "admin";
