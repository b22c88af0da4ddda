// Panel types: their code is loaded when a dashboard shows one. `registerPanel` takes types of one's own.
import type { ComponentType } from "preact";
import { need } from "../../i18n";
import type { Range } from "../../time/range";
import type { Panel, Query } from "./model";

export interface PanelProps {
  panel: Panel;
  /** The panel's query with the variables put in. */
  query: Query;
  range: Range & { key: string };
  /** Room for the content, CSS pixels. */
  height: number;
}

export interface PanelType {
  type: string;
  /** Catalogue key of its name, or the name itself for types of one's own. */
  name: string;
  size: { w: number; h: number };
  /** Whether it asks for series. */
  series: boolean;
  options: readonly Option[];
  load: () => Promise<{ default: ComponentType<PanelProps> }>;
}

export interface Option {
  name: string;
  kind: "text" | "long" | "number" | "choice";
  choices?: readonly string[];
  fallback: string | number;
}

const types = new Map<string, PanelType>();

export function registerPanel(type: PanelType): void {
  types.set(type.type, type);
}

export const panelType = (type: string): PanelType | undefined => types.get(type);
export const panelTypes = (): PanelType[] => [...types.values()];

function house(
  type: string,
  w: number,
  h: number,
  series: boolean,
  load: PanelType["load"],
  options: readonly Option[] = [],
): void {
  registerPanel({ type, name: `editing.type_${type}`, size: { w, h }, series, options, load });
}

const by: Option = { name: "by", kind: "choice", choices: ["score", "value"], fallback: "score" };
const low: Option = { name: "low", kind: "number", fallback: 0 };
const high: Option = { name: "high", kind: "number", fallback: 100 };
const lines = () => import("./panels/Lines");
const numbers = () => import("./panels/Numbers");
const findings = () => import("./panels/Findings");
const circles = () => import("./panels/Circles");

house("timeseries", 6, 5, true, lines);
house("stat", 3, 3, true, async () => ({ default: (await numbers()).Stat }));
house("gauge", 3, 4, true, async () => ({ default: (await numbers()).Gauge }), [low, high]);
house("bar", 4, 5, true, async () => ({ default: (await numbers()).Bars }));
house("table", 6, 5, true, async () => ({ default: (await numbers()).Table }));
house("topk", 4, 5, true, async () => ({ default: (await numbers()).TopK }), [by]);
house("heatmap", 6, 5, true, () => import("./panels/Heatmap"));
house("forecast", 6, 6, true, async () => (await Promise.all([import("./panels/Forecast"), need("forecast")]))[0]);
house("season", 4, 4, true, () => import("./panels/Season"));
house("map", 8, 6, false, () => import("./panels/Map"));
house("incidents", 4, 5, false, async () => ({ default: (await findings()).Incidents }));
house("alerts", 4, 5, false, async () => ({ default: (await findings()).Alerts }));
house("slo", 4, 5, false, async () => ({ default: (await findings()).Slo }));
house("text", 4, 3, false, async () => ({ default: (await findings()).Text }), [
  { name: "text", kind: "long", fallback: "" },
]);
for (const kind of ["pie", "doughnut", "radar", "mixed"] as const) {
  house(kind, 4, 6, true, async () => ({ default: (await circles()).panelOf(kind) }));
}
