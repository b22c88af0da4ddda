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
  last_ms: number;
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
  counters: Record<string, number>;
  ws_clients: number;
  model_age_s: number | null;
}

export interface DeadLetter {
  topic: string;
  partition: number;
  offset: number;
  reason: string;
  error: string;
  at_ms: number;
  bytes_preview: string;
}

export interface Connect {
  base_url: string;
  kafka: string;
  tenant: string;
  topics: Record<string, string> | string[];
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
