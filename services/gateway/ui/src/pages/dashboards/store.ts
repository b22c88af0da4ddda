// Dashboards at the gateway: each change names the version it was made on, so that nobody writes over another unseen.
import { apiUrl, call, get } from "../../api/http";
import type { ConfigItem } from "../../api/types";
import { type Dashboard, readDashboard } from "./model";

export interface Kept {
  id: string;
  version: number;
  author: string;
  atMs: number;
  dashboard: Dashboard;
}

type Item = ConfigItem<unknown>;

function kept(item: Item): Kept {
  return {
    id: item.id,
    version: item.version,
    author: item.author ?? "",
    atMs: item.made_at_ms ?? 0,
    dashboard: readDashboard(item.body),
  };
}

const path = (id: string, rest = ""): string => `/config/dashboard/${encodeURIComponent(id)}${rest}`;

/** Dashboards that this client can read; one that it cannot is left out rather than breaking the list. */
export async function list(abort?: AbortSignal): Promise<Kept[]> {
  const page = await get<{ items: Item[] }>("/config/dashboard", {}, abort);
  return page.items.flatMap((item) => {
    try {
      return [kept(item)];
    } catch {
      return [];
    }
  });
}

export async function deleted(abort?: AbortSignal): Promise<{ id: string; version: number }[]> {
  const page = await get<{ items: Item[] }>("/config/dashboard", { deleted: true }, abort);
  return page.items.map(({ id, version }) => ({ id, version }));
}

export async function read(id: string, abort?: AbortSignal): Promise<Kept> {
  return kept(await get<Item>(path(id), {}, abort));
}

export async function versions(id: string): Promise<Item[]> {
  return (await get<{ items: Item[] }>(path(id, "/versions"))).items;
}

/** Writes on top of a version; 0 makes a new one. Raises ApiError 412 or 428 when somebody else was first. */
export async function write(id: string, dashboard: Dashboard, onVersion: number): Promise<number> {
  const match = onVersion > 0 ? { match: `"${onVersion}"` } : {};
  return (await call<Item>("PUT", apiUrl(path(id)), { body: dashboard, ...match })).data.version;
}

export async function erase(id: string, onVersion: number): Promise<void> {
  await call("DELETE", apiUrl(path(id)), { match: `"${onVersion}"` });
}

export async function restore(id: string, version: number, onVersion: number): Promise<number> {
  return (await call<Item>("POST", apiUrl(path(id, "/restore")), { body: { version }, match: `"${onVersion}"` })).data
    .version;
}
