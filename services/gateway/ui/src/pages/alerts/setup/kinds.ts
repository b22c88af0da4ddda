// The objects that alerting is configured with, as tables of fields: one form draws them all. Fields that a table does not name stay in
// the object untouched, and can be seen and changed as JSON.

export interface Field {
  name: string;
  /** `lines`: one text a line; `when`: ms since the epoch; `parts`: an object or list, as JSON. */
  type: "text" | "number" | "choice" | "lines" | "flag" | "when" | "parts";
  choices?: readonly string[];
  /** Shown only when the object's kind or type is one of these. */
  only?: readonly string[];
}

export type Body = Record<string, unknown>;

export interface Kind {
  kind: string;
  /** The field that says which sort of object it is. */
  sort?: string;
  fields: readonly Field[];
  /** What a new one starts with. */
  fresh: () => Body;
  /** One line that tells an object from its sisters. */
  line: (body: Body) => string;
  /** The one object that there is, by its id. */
  single?: string;
  /** Who may change it. */
  needs: "operator" | "admin";
}

const text = (name: string, only?: readonly string[]): Field => ({ name, type: "text", ...(only ? { only } : {}) });
const number = (name: string, only?: readonly string[]): Field => ({ ...text(name, only), type: "number" });
const choice = (name: string, choices: readonly string[], only?: readonly string[]): Field => ({
  ...text(name, only),
  type: "choice",
  choices,
});
const lines = (name: string): Field => ({ name, type: "lines" });
const when = (name: string): Field => ({ name, type: "when" });
const parts = (name: string): Field => ({ name, type: "parts" });

export const ruleKinds = [
  "anomaly",
  "threshold",
  "absence",
  "forecast",
  "burn",
  "risk",
  "incident",
  "outcome",
] as const;
const channelTypes = ["webhook", "slack", "teams", "pagerduty", "opsgenie", "mail", "alertmanager", "apprise"] as const;
const severities = ["info", "warning", "critical"] as const;
const scored = ["anomaly", "burn", "incident"];
const measured = ["threshold", "absence"];
const said = (v: unknown): string => (Array.isArray(v) ? v.join(", ") : v == null ? "" : `${v}`);
const joined = (...values: unknown[]): string => values.map(said).filter(Boolean).join(" · ");

export const kinds: Record<string, Kind> = {
  rule: {
    kind: "rule",
    sort: "kind",
    needs: "admin",
    fields: [
      choice("kind", ruleKinds),
      text("title"),
      text("metric", measured),
      number("above", ["threshold"]),
      number("below", ["threshold"]),
      number("clear", ["threshold"]),
      number("after_s", ["absence"]),
      number("min_score", ["anomaly"]),
      number("within_s", ["forecast"]),
      choice("of", ["ticket", "incident", "slo", "capacity"], ["risk"]),
      number("at_least", ["risk"]),
      choice("min_severity", severities, scored),
      choice("severity", ["found", ...severities]),
      lines("match"),
      number("for_s"),
      number("keep_s"),
      text("runbook"),
      text("owner"),
      text("reason"),
      { name: "enabled", type: "flag" },
    ],
    fresh: () => ({ kind: "threshold", metric: "", above: 0, severity: "warning", for_s: 60, enabled: true }),
    line: (b) => joined(b["kind"], b["metric"], b["reason"]),
  },
  silence: {
    kind: "silence",
    needs: "operator",
    fields: [lines("match"), when("starts_ms"), when("ends_ms"), text("owner"), text("reason")],
    fresh: () => ({ match: [], ends_ms: Date.now() + 36e5, owner: "", reason: "" }),
    line: (b) => joined(b["match"], b["reason"], b["owner"]),
  },
  maintenance: {
    kind: "maintenance",
    needs: "operator",
    fields: [
      lines("match"),
      text("start"),
      number("duration_s"),
      text("rrule"),
      text("time_zone"),
      text("owner"),
      text("reason"),
    ],
    fresh: () => ({
      match: [],
      start: new Date(Date.now() + 864e5).toISOString().slice(0, 16),
      duration_s: 3600,
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    }),
    line: (b) => joined(b["match"], b["start"], b["rrule"], b["reason"]),
  },
  schedule: {
    kind: "schedule",
    needs: "admin",
    fields: [text("title"), text("time_zone"), parts("rotations"), parts("overrides")],
    fresh: () => ({
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      rotations: [{ people: [], start: `${new Date().toISOString().slice(0, 10)}T09:00`, every_days: 7 }],
      overrides: [],
    }),
    line: (b) => joined(b["title"], b["time_zone"]),
  },
  escalation: {
    kind: "escalation",
    needs: "admin",
    fields: [text("title"), parts("steps"), number("rounds"), number("round_s")],
    fresh: () => ({ steps: [{ after_s: 0, channels: ["topic"] }], rounds: 1 }),
    line: (b) => joined(b["title"]),
  },
  route: {
    kind: "route",
    needs: "admin",
    single: "tree",
    fields: [
      text("team"),
      lines("channels"),
      text("escalation"),
      lines("group_by"),
      number("group_wait_s"),
      number("group_interval_s"),
      number("repeat_interval_s"),
      parts("quiet"),
      parts("routes"),
    ],
    fresh: () => ({ channels: ["topic"], routes: [] }),
    line: (b) => joined(b["channels"], b["team"]),
  },
  channel: {
    kind: "channel",
    sort: "type",
    needs: "admin",
    fields: [
      choice("type", channelTypes),
      text("url", ["webhook", "pagerduty", "opsgenie", "alertmanager"]),
      text("url_file", ["webhook", "slack", "teams", "apprise"]),
      text("secret_file", ["webhook"]),
      text("routing_key_file", ["pagerduty"]),
      text("api_key_file", ["opsgenie"]),
      text("fallback"),
      choice("language", ["en", "ja"]),
      text("zone"),
      text("note"),
      parts("more"),
    ],
    fresh: () => ({ type: "webhook", url: "https://", secret_file: "" }),
    line: (b) => joined(b["type"], b["url"], b["note"]),
  },
  budget: {
    kind: "budget",
    needs: "admin",
    fields: [number("pages_a_day"), text("team"), text("reason")],
    fresh: () => ({ pages_a_day: 5 }),
    line: (b) => joined(b["team"], b["pages_a_day"], b["reason"]),
  },
};

/** The fields that an object of this sort has. */
export function fieldsOf(kind: Kind, body: Body): Field[] {
  const sort = kind.sort ? `${body[kind.sort] ?? ""}` : "";
  return kind.fields.filter((f) => f.name !== "more" && (!f.only || f.only.includes(sort)));
}

/** What the form does not show: kept as it is, edited as JSON. */
export function restOf(kind: Kind, body: Body): Body {
  const shown = new Set(fieldsOf(kind, body).map((f) => f.name));
  return Object.fromEntries(Object.entries(body).filter(([name]) => !shown.has(name)));
}

/** A body after one field changed. Fields of another sort go, so that strict kinds take it; an emptied field is left out. */
export function changed(kind: Kind, body: Body, name: string, value: unknown): Body {
  const next: Body = { ...body, [name]: value };
  if (value === "" || value === null || (typeof value === "number" && Number.isNaN(value))) delete next[name];
  if (name !== kind.sort) return next;
  const own = new Set(fieldsOf(kind, next).map((f) => f.name));
  const foreign = kind.fields.filter((f) => f.only && !own.has(f.name)).map((f) => f.name);
  return Object.fromEntries(Object.entries(next).filter(([key]) => !foreign.includes(key)));
}
