// What a person likes to find first: starred dashboards and the one that is home. Kept at the gateway for people who may write, and in
// this browser for those who may not.
import { signal } from "@preact/signals";
import { type ApiError, apiUrl, call, get, me } from "../../api/http";
import type { ConfigItem, Page } from "../../api/types";
import { keep, stored } from "../../state/prefs";

interface Likes {
  stars: string[];
  home: string;
}

const mostStars = 100;

/** Reads anything; what is not understood is as if it were not there. */
export function likesFrom(value: unknown): Likes {
  const body = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const stars = Array.isArray(body["stars"]) ? body["stars"].filter((s): s is string => typeof s === "string") : [];
  return { stars: stars.slice(0, mostStars), home: typeof body["home"] === "string" ? body["home"] : "" };
}

function here(): Likes {
  try {
    return likesFrom(JSON.parse(stored("likes") || "{}"));
  } catch {
    return likesFrom(null);
  }
}

export const likes = signal<Likes>(here());
let version = 0;

const id = (): string => `likes-${me.value?.user ?? ""}`;
const path = (): string => `/config/view/${encodeURIComponent(id())}`;

function put(next: Likes): void {
  likes.value = next;
  keep("likes", JSON.stringify(next));
  // The start page is chosen before anything is asked.
  keep("home", next.home);
}

/** Takes what another browser of the same person has kept. */
export async function loadLikes(): Promise<void> {
  try {
    // The list, not the object: who has never starred anything has none, and that is no error.
    const { items } = await get<Page<ConfigItem<unknown>>>("/config/view");
    const mine = items.find((i) => i.id === id());
    if (!mine) return;
    version = mine.version;
    put(likesFrom(mine.body));
  } catch (error) {
    console.warn(error);
  }
}

/** One after another: the second of two quick changes is made on the version of the first. */
let busy: Promise<void> = Promise.resolve();

function save(next: Likes): Promise<void> {
  put(next);
  if (me.value?.role !== "viewer") busy = busy.then(() => write(next)).catch((e: ApiError) => console.warn(e));
  return busy;
}

async function write(next: Likes): Promise<void> {
  const match = version > 0 ? { match: `"${version}"` } : {};
  try {
    version = (await call<ConfigItem<unknown>>("PUT", apiUrl(path()), { body: next, ...match })).data.version;
  } catch (error) {
    // Another window was first: its version is taken, and this change put on top.
    if ((error as ApiError).status !== 412 && (error as ApiError).status !== 428) throw error;
    version = (await get<ConfigItem<unknown>>(path())).version;
    await write(next);
  }
}

export function star(id: string): Promise<void> {
  const { stars, home } = likes.value;
  return save({ stars: stars.includes(id) ? stars.filter((s) => s !== id) : [...stars, id], home });
}

export function makeHome(id: string): Promise<void> {
  return save({ ...likes.value, home: likes.value.home === id ? "" : id });
}
