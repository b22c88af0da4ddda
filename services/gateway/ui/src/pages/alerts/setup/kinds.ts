// The objects that alerting is configured with, as tables of fields: one form draws them all, lists in lists too. Fields that a table does
// not name stay in the object untouched, and can be seen and changed in its JSON.

export interface Field {
  name: string;
  /** `lines`: one text a line; `texts`: texts in an order, an input each; `list`: objects in an order; `when`: ms since the epoch; `wall`:
   *  a wall-clock time of the object's own zone; `clock`: a time of day; `days`: days of the week, none named is all. */
  type: "text" | "number" | "choice" | "lines" | "texts" | "list" | "flag" | "when" | "wall" | "clock" | "days";
  choices?: readonly string[];
  /** Shown only when the object's kind or type is one of these. */
  only?: readonly string[];
  /** The key of its label, when its name means something else elsewhere. */
  label?: string;
  /** Names that are offered while one writes. */
  offer?: Offer;
  /** Of a list: what its entries are. */
  of?: Entry;
  /** Folded away: seldom needed. */
  rare?: true;
  /** A flag that is off where nothing is said. */
  off?: true;
}

export type Offer = "person" | "channel" | "schedule" | "escalation" | "zone";

/** What the entries of a list are made of. */
export interface Entry {
  fields: readonly Field[];
  fresh: () => Body;
  line: (body: Body) => string;
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
const texts = (name: string, offer: Offer): Field => ({ name, type: "texts", offer });
const wall = (name: string, label = name): Field => ({ name, type: "wall", label });
const list = (name: string, of: Entry): Field => ({ name, type: "list", of });
const rare = (f: Field): Field => ({ ...f, rare: true });
const offered = (name: string, offer: Offer): Field => ({ name, type: "text", offer });
const zone = offered("time_zone", "zone");
/** The zone of whoever sits here. */
const here = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

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

const hours: Entry = {
  fields: [{ name: "days", type: "days" }, { name: "from", type: "clock" }, { name: "to", type: "clock" }, zone],
  fresh: () => ({ from: "09:00", to: "18:00", time_zone: here() }),
  line: (b) => joined(b["days"], `${b["from"] ?? "00:00"} – ${b["to"] ?? "00:00"}`),
};
const rotation: Entry = {
  fields: [
    texts("people", "person"),
    wall("start", "hand_over"),
    { name: "every_days", type: "number" },
    rare(list("hours", hours)),
  ],
  fresh: () => ({ people: [""], start: `${new Date().toISOString().slice(0, 10)}T09:00`, every_days: 7 }),
  line: (b) => joined(b["people"], b["start"]),
};
const override: Entry = {
  fields: [offered("person", "person"), wall("from", "starts_ms"), wall("to", "ends_ms"), text("reason")],
  fresh: () => ({ person: "" }),
  line: (b) => joined(b["person"], `${said(b["from"])} – ${said(b["to"])}`, b["reason"]),
};
const step: Entry = {
  fields: [
    { ...number("after_s"), label: "step_after" },
    texts("channels", "channel"),
    offered("schedule", "schedule"),
  ],
  fresh: () => ({ after_s: 0, channels: [] }),
  line: (b) => joined(`${said(b["after_s"])} s`, b["channels"], b["schedule"]),
};
/** What a branch and the root of the tree have alike. */
const told: Field[] = [
  text("team"),
  texts("channels", "channel"),
  offered("escalation", "escalation"),
  ...[
    lines("group_by"),
    number("group_wait_s"),
    number("critical_wait_s"),
    number("group_interval_s"),
    number("repeat_interval_s"),
    list("quiet", hours),
    list("business", hours),
  ].map(rare),
];
const branch: Entry = {
  fields: [lines("match"), ...told, { name: "continue", type: "flag", off: true, rare: true }],
  fresh: () => ({ match: [] }),
  line: (b) => `${joined(b["match"]) || "?"} › ${joined(b["team"], b["channels"], b["escalation"]) || "…"}`,
};
const branches: Field = { name: "routes", type: "list", of: branch };
// A branch has branches: the one place where a table holds itself.
branch.fields = [...branch.fields, branches];

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
      { name: "parent", type: "flag" },
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
    fields: [lines("match"), wall("start"), number("duration_s"), text("rrule"), zone, text("owner"), text("reason")],
    fresh: () => ({
      match: [],
      start: new Date(Date.now() + 864e5).toISOString().slice(0, 16),
      duration_s: 3600,
      time_zone: here(),
    }),
    line: (b) => joined(b["match"], b["start"], b["rrule"], b["reason"]),
  },
  schedule: {
    kind: "schedule",
    needs: "admin",
    fields: [text("title"), zone, list("rotations", rotation), list("overrides", override)],
    fresh: () => ({ time_zone: here(), rotations: [rotation.fresh()], overrides: [] }),
    line: (b) => joined(b["title"], b["time_zone"]),
  },
  escalation: {
    kind: "escalation",
    needs: "admin",
    fields: [text("title"), list("steps", step), number("rounds"), number("round_s")],
    fresh: () => ({ steps: [{ after_s: 0, channels: ["topic"] }], rounds: 1 }),
    line: (b) => joined(b["title"]),
  },
  route: {
    kind: "route",
    needs: "admin",
    single: "tree",
    fields: [...told, branches],
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
      offered("fallback", "channel"),
      choice("language", ["en", "ja"]),
      offered("zone", "zone"),
      text("note"),
    ],
    fresh: () => ({ type: "webhook", url: "https://", secret_file: "" }),
    line: (b) => joined(b["type"], b["url"], b["note"]),
  },
  inhibition: {
    kind: "inhibition",
    needs: "admin",
    fields: [lines("source"), lines("target"), lines("equal"), text("reason")],
    fresh: () => ({ source: [], target: [] }),
    line: (b) => joined(`${said(b["source"])} › ${said(b["target"])}`, b["equal"], b["reason"]),
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
  return kind.fields.filter((f) => !f.only || f.only.includes(sort));
}

/** A body with one field changed; an emptied field is left out, so that what is not said stays the default. */
export function put(body: Body, name: string, value: unknown): Body {
  const next: Body = { ...body, [name]: value };
  if (value === "" || value === null || (typeof value === "number" && Number.isNaN(value))) delete next[name];
  return next;
}

/** The same, and fields of another sort go with it, so that strict kinds take it. */
export function changed(kind: Kind, body: Body, name: string, value: unknown): Body {
  const next = put(body, name, value);
  if (name !== kind.sort) return next;
  const own = new Set(fieldsOf(kind, next).map((f) => f.name));
  const foreign = kind.fields.filter((f) => f.only && !own.has(f.name)).map((f) => f.name);
  return Object.fromEntries(Object.entries(next).filter(([key]) => !foreign.includes(key)));
}
