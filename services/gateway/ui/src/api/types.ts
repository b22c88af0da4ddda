// The gateway's answers as this client reads them. Series ids are 16 hexadecimal digits, times milliseconds since the epoch.

export interface Me {
  user: string;
  role: "viewer" | "operator" | "admin";
  tenant: string;
  csrf: string;
  version: string;
  demo: boolean;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export type Labels = Record<string, string>;
export type ServiceState = "ok" | "odd" | "stale" | "learning";

export interface ServiceRow {
  service: string;
  series: number;
  odd: number;
  worst: number;
  open_episodes: number;
  risk: number | null;
  state: ServiceState;
  spark: (number | null)[];
}

export interface OddSeries {
  id: string;
  metric: string;
  labels: Labels;
  unit: string;
  score: number;
  value: number;
  expected: number;
  lower: number;
  upper: number;
  ts_ms: number;
  state: string;
}

export interface Totals {
  series: number;
  samples_per_s: number;
  open_episodes: number;
  open_incidents: number;
  odd_series: number;
  freshness_s: number | null;
  dead_letters: number;
}

export interface Overview {
  now_ms: number;
  totals: Totals;
  services: ServiceRow[];
  odd_series: OddSeries[];
}

export interface SeriesRow {
  id: string;
  metric: string;
  labels: Labels;
  unit: string;
  kind: string;
  last_ms: number | null;
  score: number | null;
  value: number | null;
  state: string;
}

export type Facets = Record<string, [string, number][]>;
export type Column = (number | null)[];

export interface RangeSeries {
  id: string;
  metric: string;
  labels: Labels;
  unit: string;
  ts: number[];
  value: Column;
  low: Column;
  high: Column;
  score: Column;
  expected: Column;
  lower: Column;
  upper: Column;
  /** Rows in the last bucket. */
  last_rows?: number;
  flags: Column;
}

export interface RangeAnswer {
  from: number;
  to: number;
  step_ms: number;
  series: RangeSeries[];
}

export interface Episode {
  id: string;
  version: number;
  series_id: string;
  metric: string;
  labels: Labels;
  kind: string;
  state: "open" | "closed";
  opened_ms: number;
  updated_ms: number;
  closed_ms?: number | null;
  direction?: "up" | "down" | "both";
  severity?: Severity;
  peak_score?: number;
  peak_ms?: number;
  peak_value?: number;
  value?: number;
  expected?: number;
  lower?: number;
  upper?: number;
  samples?: number;
  head?: string;
  flapping?: boolean;
  p_value?: number | null;
  model?: string;
  unit?: string;
}

export type Severity = "info" | "warning" | "critical";

export interface Health {
  ready: boolean;
  parts: {
    name: string;
    ready: boolean;
    detail?: string;
    pid?: number | null;
    rss_mb?: number | null;
    restarts?: number;
  }[];
  topics: { topic: string; group: string; lag: number; per_s: number | null }[];
  freshness_ms: { sample: number | null; score: number | null; stored: number | null };
  dead_letters: { topic: string; count: number; last_reason?: string }[];
  counters: Record<string, number | null>;
  ws_clients: number;
  model_age_s: number | null;
}

export interface DeadLetter {
  dlq: string;
  dlq_offset: number;
  topic: string;
  partition: number | null;
  offset: number | null;
  reason: string;
  error: string;
  at_ms: number;
  bytes_preview: string;
}

export interface Connect {
  base_url: string;
  kafka: string;
  tenant: string;
  topics: Record<string, string>;
}

export interface Arrival {
  metric: string;
  labels: Labels;
  series_id: string;
  first_ms: number;
  value: number;
}

export interface LivePoints {
  id: string;
  ts: number[];
  value: Column;
  score: Column;
  expected: Column;
  lower: Column;
  upper: Column;
  flags: Column;
}

export interface Cause {
  entity: string;
  score: number;
  terms: Record<string, number>;
  indicators?: { series_id: string; name: string; score: number; before?: number; during?: number }[];
  change_id?: string;
  text?: string;
}

export interface Affected {
  entity: string;
  meaning: "structural" | "live";
  probability: number;
  hops?: number;
  eta_s?: number | null;
  path?: string[];
}

export interface Incident {
  id: string;
  version: number;
  state: "open" | "closed" | "merged";
  title: string;
  severity: Severity;
  opened_ms: number;
  updated_ms: number;
  closed_ms?: number | null;
  verdict?: "cause" | "inconclusive";
  entities?: string[];
  episodes?: string[];
  causes?: Cause[];
  blast?: Affected[];
  changes?: string[];
  timeline?: { at_ms: number; what: string; text: string; ref?: string }[];
  similar?: string[];
  impact?: Impact | null;
}

/** How much is inside a blast radius; a share (0 to 1) is null where nothing of the kind is known. */
export interface Impact {
  users?: number | null;
  slos?: string[];
  slo_share?: number | null;
  tickets?: string[];
  ticket_share?: number | null;
}

export interface Edge {
  caller: string;
  callee: string;
  source: "declared" | "traced" | "learned";
  confidence: number;
  rate?: number;
  hard?: boolean;
  directed?: boolean;
}

export interface Risk {
  id: string;
  version: number;
  entity: string;
  kind: "capacity" | "slo" | "ticket" | "incident";
  made_at_ms: number;
  title?: string;
  horizon_s?: number;
  probability?: number | null;
  reason?: string;
  eta_ms?: number | null;
  eta_low_ms?: number | null;
  eta_high_ms?: number | null;
  eta_inner_low_ms?: number | null;
  eta_inner_high_ms?: number | null;
  value?: number | null;
  threshold?: number | null;
  burn?: Record<string, number>;
  budget_left?: number | null;
  firing?: boolean;
  severity?: Severity;
  factors?: { name: string; contribution: number; text?: string }[];
  series_id?: string;
}

export interface Forecast {
  series_id: string;
  made_at_ms: number;
  step_ms: number;
  mean: number[];
  levels: number[];
  quantiles: number[][];
  reliable?: boolean;
  reason?: string;
  weights?: Record<string, number>;
  scored?: [number, number, number, number][];
}

export interface Alert {
  id: string;
  version: number;
  state: "pending" | "firing" | "acknowledged" | "resolved";
  rule: string;
  severity: Severity;
  title: string;
  started_ms: number;
  updated_ms: number;
  ended_ms?: number | null;
  group?: string;
  refs?: string[];
  labels?: Labels;
  annotations?: Record<string, string>;
  value?: number | null;
  flapping?: boolean;
  held_back_by?: string;
  acknowledged_by?: string;
}

export interface Delivery {
  id: string;
  alert_id: string;
  channel: string;
  at_ms: number;
  state: "sent" | "retry" | "failed" | "fallback";
  attempt?: number;
  text?: string;
}

export interface ConfigItem<T> {
  id: string;
  version: number;
  body: T;
  author?: string;
  made_at_ms?: number;
}
