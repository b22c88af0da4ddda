// One dashboard as the gateway keeps it.
import { get } from "../../api/http";
import type { ConfigItem } from "../../api/types";
import { type Dashboard, readDashboard } from "./model";

export interface Kept {
  id: string;
  version: number;
  author: string;
  atMs: number;
  dashboard: Dashboard;
}

export type Item = ConfigItem<unknown>;

export function kept(item: Item): Kept {
  return {
    id: item.id,
    version: item.version,
    author: item.author ?? "",
    atMs: item.made_at_ms ?? 0,
    dashboard: readDashboard(item.body),
  };
}

export const path = (id: string, rest = ""): string => `/config/dashboard/${encodeURIComponent(id)}${rest}`;

export async function read(id: string, abort?: AbortSignal): Promise<Kept> {
  return kept(await get<Item>(path(id), {}, abort));
}
