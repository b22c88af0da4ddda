// All dashboards and their pasts: what only the list and the editor ask for.
import { apiUrl, call, get } from "../../api/http";
import type { Dashboard } from "./model";
import { type Item, type Kept, kept, path } from "./store";

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

export async function versions(id: string): Promise<Item[]> {
  return (await get<{ items: Item[] }>(path(id, "/versions"))).items;
}

export async function erase(id: string, onVersion: number): Promise<void> {
  await call("DELETE", apiUrl(path(id)), { match: `"${onVersion}"` });
}

export async function restore(id: string, version: number, onVersion: number): Promise<number> {
  return (await call<Item>("POST", apiUrl(path(id, "/restore")), { body: { version }, match: `"${onVersion}"` })).data
    .version;
}

/** Writes on top of a version; 0 makes a new one. Raises ApiError 412 or 428 when somebody else was first. */
export async function write(id: string, dashboard: Dashboard, onVersion: number): Promise<number> {
  const match = onVersion > 0 ? { match: `"${onVersion}"` } : {};
  return (await call<Item>("PUT", apiUrl(path(id)), { body: dashboard, ...match })).data.version;
}
