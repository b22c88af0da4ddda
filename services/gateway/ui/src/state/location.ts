// The address bar is the state of a page: whatever a person can see they can send as a link.
import { signal } from "@preact/signals";

export interface Place {
  path: string;
  query: Record<string, string[]>;
}

/** Parses a path with a query into a place; repeated names keep their order. */
export function parsePlace(href: string): Place {
  const url = new URL(href, "http://x");
  const query: Record<string, string[]> = {};
  for (const [name, value] of url.searchParams) {
    const values = query[name];
    if (values) values.push(value);
    else query[name] = [value];
  }
  return { path: url.pathname.replace(/(.)\/+$/, "$1"), query };
}

export type Patch = Record<string, string | number | readonly string[] | null | undefined>;

/** The href of a place with a patch: null, undefined, "" and [] take a name away. */
export function hrefOf(path: string, query: Record<string, string[]>, patch: Patch = {}): string {
  const params = new URLSearchParams();
  const merged: Record<string, readonly string[]> = { ...query };
  for (const [name, value] of Object.entries(patch)) {
    merged[name] =
      value === null || value === undefined || value === "" ? [] : Array.isArray(value) ? value : [`${value}`];
  }
  for (const name of Object.keys(merged).sort()) {
    for (const value of merged[name] ?? []) params.append(name, value);
  }
  // Colons, commas and slashes are legal in a query: leave links readable.
  const text = params.toString().replace(/%3A/g, ":").replace(/%2C/g, ",").replace(/%2F/g, "/");
  return text ? `${path}?${text}` : path;
}

export const place = signal<Place>(parsePlace(globalThis.location?.href ?? "http://x/"));

/** Goes to a path of this client; `replace` leaves no entry in the history. */
export function go(href: string, replace = false): void {
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  const before = place.value.path;
  place.value = parsePlace(href);
  if (before !== place.value.path) scrollTo(0, 0);
}

/** Changes the query of the present page. */
export function setQuery(patch: Patch, replace = true): void {
  go(hrefOf(place.value.path, place.value.query, patch), replace);
}

/** A link to a page that keeps the time range in view. */
export function linkTo(path: string, patch: Patch = {}): string {
  const { from, to } = place.value.query;
  return hrefOf(path, { ...(from ? { from } : {}), ...(to ? { to } : {}) }, patch);
}

export const one = (name: string): string => place.value.query[name]?.[0] ?? "";
export const many = (name: string): string[] => place.value.query[name] ?? [];

function insideLink(event: MouseEvent): HTMLAnchorElement | null {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return null;
  const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return null;
  if (link.pathname.startsWith("/api/") || link.getAttribute("href")?.startsWith("#")) return null;
  return link;
}

/** Makes ordinary links and the back button change the signal instead of loading the page. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    place.value = parsePlace(location.href);
  });
  document.addEventListener("click", (event) => {
    const link = insideLink(event);
    if (!link) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
