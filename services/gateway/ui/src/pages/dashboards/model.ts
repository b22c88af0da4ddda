// What a dashboard is, as it is kept and exported; and the reader that takes only that, so that a broken import breaks nothing.

export const columns = 12;
export const mostPanels = 60;

export interface Query {
  /** Words that the series' name must contain, as in Explore. */
  q: string;
  metric: string;
  service: string;
  host: string;
  limit: number;
  /** Set when only variables that stand at "all" are asked for: every series then, not none. */
  any?: boolean;
}

export interface Panel {
  id: string;
  type: string;
  title: string;
  x: number;
  y: number;
  w: number;
  h: number;
  query: Query;
  options: Record<string, string | number | boolean>;
}

export interface Variable {
  name: "service" | "host" | "metric";
  value: string;
}

export interface Dashboard {
  title: string;
  description: string;
  folder: string;
  tags: string[];
  from: string;
  variables: Variable[];
  panels: Panel[];
}

export class BrokenImport extends Error {}

type Bag = Record<string, unknown>;

const isBag = (v: unknown): v is Bag => typeof v === "object" && v !== null && !Array.isArray(v);
const text = (v: unknown, most = 200): string => (typeof v === "string" ? v.slice(0, most) : "");
const whole = (v: unknown, low: number, high: number, fallback: number): number =>
  typeof v === "number" && Number.isFinite(v) ? Math.min(high, Math.max(low, Math.round(v))) : fallback;

export const emptyQuery: Query = { q: "", metric: "", service: "", host: "", limit: 8 };

function readQuery(v: unknown): Query {
  const b = isBag(v) ? v : {};
  return {
    q: text(b["q"]),
    metric: text(b["metric"]),
    service: text(b["service"]),
    host: text(b["host"]),
    limit: whole(b["limit"], 1, 50, 8),
  };
}

function readOptions(v: unknown): Panel["options"] {
  const out: Panel["options"] = {};
  for (const [key, value] of Object.entries(isBag(v) ? v : {}).slice(0, 30)) {
    if (typeof value === "number" || typeof value === "boolean") out[key] = value;
    else if (typeof value === "string") out[key] = value.slice(0, 10_000);
  }
  return out;
}

function readPanel(v: unknown, index: number): Panel {
  if (!isBag(v)) throw new BrokenImport(`panels[${index}]`);
  const type = text(v["type"], 40);
  if (!/^[a-z][a-z0-9_-]*$/.test(type)) throw new BrokenImport(`panels[${index}].type`);
  const w = whole(v["w"], 1, columns, 6);
  return {
    id: text(v["id"], 40) || `p${index}`,
    type,
    title: text(v["title"]),
    x: whole(v["x"], 0, columns - w, 0),
    y: whole(v["y"], 0, 1000, 0),
    w,
    h: whole(v["h"], 1, 24, 4),
    query: readQuery(v["query"]),
    options: readOptions(v["options"]),
  };
}

function unique(panels: Panel[]): Panel[] {
  const seen = new Set<string>();
  return panels.map((p, i) => {
    const id = seen.has(p.id) ? `${p.id}-${i}` : p.id;
    seen.add(id);
    return { ...p, id };
  });
}

/** Reads a dashboard from anything; unknown fields are dropped, numbers brought into bounds. Raises BrokenImport with the place. */
export function readDashboard(v: unknown): Dashboard {
  if (!isBag(v)) throw new BrokenImport("/");
  const panels = v["panels"];
  if (!Array.isArray(panels)) throw new BrokenImport("panels");
  if (panels.length > mostPanels) throw new BrokenImport(`panels > ${mostPanels}`);
  const tags = Array.isArray(v["tags"]) ? v["tags"] : [];
  const variables = Array.isArray(v["variables"]) ? v["variables"] : [];
  return {
    title: text(v["title"]),
    description: text(v["description"], 2000),
    folder: text(v["folder"]),
    tags: tags
      .map((x) => text(x, 40))
      .filter(Boolean)
      .slice(0, 20),
    from: text(v["from"], 40) || "now-1h",
    variables: variables
      .filter(isBag)
      .filter((x) => ["service", "host", "metric"].includes(text(x["name"])))
      .map((x) => ({ name: text(x["name"]) as Variable["name"], value: text(x["value"]) })),
    panels: unique(panels.map(readPanel)),
  };
}

/** Reads an exported file: the dashboard itself, or the whole object that the API answers with. Raises BrokenImport. */
export function readFile(content: string): Dashboard {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new BrokenImport((error as Error).message);
  }
  return readDashboard(isBag(value) && isBag(value["body"]) ? value["body"] : value);
}

/** A free id from a title: short, readable, and legal in an address. */
export function newId(title: string, taken: readonly string[], random: () => number): string {
  const stem =
    title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 40) || "dashboard";
  let id = stem;
  while (taken.includes(id)) id = `${stem}-${Math.floor(random() * 1e6).toString(36)}`;
  return id;
}

/** A query without any word asks for nothing. */
export const isEmpty = (q: Query): boolean => !q.q && !q.metric && !q.service && !q.host;

/** The query with the page's variables put in: `$service` stands for the chosen service; none chosen means no filter. */
export function filled(query: Query, values: Record<string, string>): Query {
  const put = (s: string): string =>
    s.replace(/\$(service|host|metric)\b/g, (_, name: string) => values[name] ?? "").trim();
  const out = {
    ...query,
    q: put(query.q),
    metric: put(query.metric),
    service: put(query.service),
    host: put(query.host),
  };
  return isEmpty(out) && !isEmpty(query) ? { ...out, any: true } : out;
}
