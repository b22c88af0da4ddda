// The one door to the gateway's HTTP interface: problem documents become errors that say what to do, a lost session opens the login page.
import { signal } from "@preact/signals";
import type { Me } from "./types";

export const me = signal<Me | null>(null);
/** Grows when the gateway says 401: the shell then shows the login page over the present address. */
export const signedOut = signal(false);

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
  }
}

export type Params = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** `/api/v1` + path + query; empty values are left out, arrays repeated. */
export function apiUrl(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === undefined || value === "") continue;
    for (const v of Array.isArray(value) ? value : [value]) query.append(name, `${v}`);
  }
  const text = query.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

async function problem(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { title?: string; detail?: string };
    return new ApiError(response.status, body.title ?? response.statusText, body.detail ?? "");
  } catch {
    return new ApiError(response.status, response.statusText, "");
  }
}

export interface Answer<T> {
  data: T;
  etag: string;
}

/** One request. Raises ApiError; status 0 means that the gateway was not reached. */
export async function call<T>(
  method: string,
  url: string,
  init: { body?: unknown; match?: string; signal?: AbortSignal } = {},
): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (init.body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = me.value?.csrf ?? "";
  if (init.match) headers["If-Match"] = init.match;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      ...(init.signal ? { signal: init.signal } : {}),
    });
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "");
  }
  if (response.status === 401) signedOut.value = true;
  if (!response.ok) throw await problem(response);
  const text = response.status === 204 ? "" : await response.text();
  return { data: (text ? JSON.parse(text) : null) as T, etag: response.headers.get("ETag") ?? "" };
}

/** Set by a page that reads from elsewhere: behind a shared link there is no session, only what the link carries. */
export const source: { get: ((path: string, params: Params, abort?: AbortSignal) => Promise<unknown>) | null } = {
  get: null,
};

export async function get<T>(path: string, params: Params = {}, abort?: AbortSignal): Promise<T> {
  if (source.get) return source.get(path, params, abort) as Promise<T>;
  return (await call<T>("GET", apiUrl(path, params), abort ? { signal: abort } : {})).data;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return (await call<T>("POST", apiUrl(path), { body })).data;
}
