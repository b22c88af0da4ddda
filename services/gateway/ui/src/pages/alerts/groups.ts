// Alerts as on-call was told of them: in groups, the most urgent first. Pure.
import type { Alert, Labels } from "../../api/types";

/** What calls somebody first; what fires but is held back after it. */
const rank = (a: Alert): number =>
  ({ firing: a.held_back_by ? 1 : 0, acknowledged: 2, pending: 3, resolved: 4 })[a.state] ?? 9;
const weight: Record<string, number> = { critical: 0, warning: 1, info: 2 };

export interface Group {
  key: string;
  alerts: Alert[];
  /** Labels that all of its alerts share. */
  labels: Labels;
}

/** Newest version of each, firing first, the more severe first, newest first. */
export function arranged(items: readonly Alert[], found?: Alert): Alert[] {
  const newest = new Map<string, Alert>();
  for (const a of found ? [...items, found] : items) {
    const old = newest.get(a.id);
    if (!old || old.version < a.version) newest.set(a.id, a);
  }
  return [...newest.values()].sort(
    (a, b) => rank(a) - rank(b) || (weight[a.severity] ?? 9) - (weight[b.severity] ?? 9) || b.started_ms - a.started_ms,
  );
}

export function sharedLabels(alerts: readonly Alert[]): Labels {
  const [first, ...rest] = alerts.map((a) => a.labels ?? {});
  return Object.fromEntries(Object.entries(first ?? {}).filter(([k, v]) => rest.every((l) => l[k] === v)));
}

/** Groups in the order of their most urgent alert; what is over is not put together with what still holds. */
export function grouped(alerts: readonly Alert[]): Group[] {
  const groups = new Map<string, Alert[]>();
  for (const a of alerts) {
    const key = `${a.group || a.id}${a.state === "resolved" ? " over" : ""}`;
    groups.set(key, [...(groups.get(key) ?? []), a]);
  }
  return [...groups].map(([key, list]) => ({ key, alerts: list, labels: sharedLabels(list) }));
}

/** Matchers that fit these labels and nothing wider; names that are different for each alert help nobody. */
export function matchersOf(labels: Labels): string[] {
  return Object.entries(labels)
    .filter(([name]) => !name.startsWith("__"))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&")}"`);
}
