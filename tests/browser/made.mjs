// Answers for what a young house has not yet: alerts that fire, people on call, risks. The shapes are those of the gateway; pages under
// test cannot tell the difference.
const minute = 6e4;
const hour = 60 * minute;
const day = 24 * hour;

export function alerts(now = Date.now()) {
  const of = (id, over) => ({ id, version: 1, state: "firing", rule: "incident", severity: "critical", title: id, started_ms: now - 12 * minute, updated_ms: now, labels: {}, annotations: {}, ...over });
  return {
    items: [
      of("alert-1", { title: "payments affects checkout, web", group: "g1", labels: { alertname: "incident", service: "payments", team: "shop" }, refs: ["incident-1"], annotations: { expected: "latency_p95_ms 915 ms, expected 180 to 420 ms", cause: "payments 2.0.0 rolled out 12 s before", blast: "checkout (99 %), web (93 %)", runbook: "https://runbooks.example/payments", owner: "shop" } }),
      of("alert-2", { title: "error_ratio of payments is odd", rule: "anomaly", severity: "warning", group: "g1", labels: { alertname: "anomaly", service: "payments", team: "shop", metric: "error_ratio" }, held_back_by: "inhibition" }),
      of("alert-3", { title: "disk.used of orders-db ends Tuesday", rule: "runs-out", severity: "warning", state: "acknowledged", acknowledged_by: "mika", labels: { alertname: "runs-out", service: "orders-db" } }),
      of("alert-4", { title: "search is slow", rule: "anomaly", severity: "warning", state: "resolved", ended_ms: now - 2 * hour, started_ms: now - 3 * hour, labels: { alertname: "anomaly", service: "search" } }),
    ],
    next: null,
  };
}

export const rules = () => ({
  items: [
    { id: "incident", origin: "default", body: { kind: "incident", min_severity: "warning", reason: "One page for everything that shares a cause." } },
    { id: "disk-full", origin: "default", body: { kind: "threshold", metric: "system.disk.utilization", above: 0.95, clear: 0.92, for_s: 120, severity: "critical", reason: "A full disk stops the store." } },
    { id: "odd-one", origin: "own", body: { kind: "threshold", metric: "queue", above: 10 }, problem: "'clear' must not be beyond 'above' - at `$.clear`" },
  ],
});

export function onCall(now = Date.now()) {
  const began = now - 0.5 * day;
  const shifts = ["mika", "jonas", "mika", "", "aya"].map((person, i) => ({ from_ms: began + i * 3 * day, to_ms: began + (i + 1) * 3 * day, person }));
  return { schedules: [{ id: "shop", title: "Shop", time_zone: "Asia/Tokyo", now: "mika", shifts }] };
}

export function deliveries(now = Date.now()) {
  const of = (id, state, over) => ({ id, alert_id: "alert-1", channel: "slack", at_ms: now - 11 * minute, state, attempt: 1, text: "payments affects checkout, web", ...over });
  return { items: [of("d1", "sent", {}), of("d2", "retry", { channel: "mail", attempt: 3, text: "421 try again later" }), of("d3", "fallback", { channel: "pagerduty" })], next: null };
}

export function replay(now = Date.now()) {
  const page = (title, at) => ({ at_ms: at, title, severity: "warning", rule: "disk-full", channels: ["slack"], people: ["mika"], group: "g" });
  const side = (pages, caught) => ({ pages, pages_a_day: pages / 7, held_back: { silence: 1 }, caught: Array.from({ length: caught }, (_, i) => ({ incident: `i${i}`, title: "x", lead_s: 300 })), missed: [{ incident: "m", title: "missed" }], pages_list: [page("disk nearly full", now - day)] });
  return { seconds: 0.4, now: side(9, 3), changed: side(4, 3), difference: { gone: [page("noise", now - 2 * day)], new: [] } };
}

export const tuning = () => ({ rule: "disk-full", field: "above", now: 0.95, suggested: 0.9, evidence: "same incidents caught, 2 pages a day fewer", points: [0.8, 0.85, 0.9, 0.95].map((value, i) => ({ value, pages_a_day: 8 - 2 * i, caught: [4, 4, 4, 3][i], missed: [0, 0, 0, 1][i], precision: 0.5 })) });

export function risks(now = Date.now()) {
  const of = (id, kind, over) => ({ id, version: 1, entity: "payments", kind, made_at_ms: now, title: id, firing: false, severity: "info", factors: [], ...over });
  const record = (p) => [{ name: "track record", contribution: 0.21, text: p === null ? "" : "skill .21 over 140 answered questions" }, { name: "reliability", contribution: 0, text: p === null ? "[]" : "[[40,0.08,0.06],[52,0.21,0.26],[30,0.44,0.4]]" }];
  return {
    items: [
      of("later", "capacity", { entity: "web", title: "memory reaches 95%", horizon_s: 14 * 86_400, probability: 0.08, value: 61, threshold: 95, eta_low_ms: now + 11 * day }),
      of("sooner", "capacity", { entity: "orders-db", title: "disk.used reaches 100%", horizon_s: 14 * 86_400, probability: 0.72, value: 83, threshold: 100, eta_ms: now + 5 * day, eta_low_ms: now + 3 * day, eta_high_ms: now + 9 * day, eta_inner_low_ms: now + 4 * day, eta_inner_high_ms: now + 6 * day, firing: true, severity: "warning" }),
      of("slo", "slo", { entity: "checkout", title: "99.9 % over 28d", horizon_s: 9 * 86_400, probability: 0.41, value: 0.99931, threshold: 0.999, budget_left: 0.31, burn: { "1h": 15.2, "3d": 0.8 }, eta_low_ms: now + 2 * day, firing: true, severity: "critical" }),
      of("ticket", "ticket", { entity: "network", title: "P1 network: VPN down", horizon_s: 3600, probability: 0.63, value: 0.71, threshold: 1, eta_ms: now + 40 * minute, factors: [{ name: "promise", contribution: 0, text: "resolve" }, { name: "queue", contribution: 1.2, text: "14 open tickets in this queue" }] }),
      of("done", "ticket", { entity: "network", title: "P3 network: printer", probability: 0, reason: "resolved", factors: [] }),
      ...[[3600, null], [86_400, 0.22], [604_800, 0.61]].map(([horizon_s, probability]) => of(`incident-${horizon_s}`, "incident", { horizon_s, probability, threshold: 0.12, reason: probability === null ? "fewer answers than needed" : "", factors: record(probability) })),
    ],
    next: null,
  };
}

/** Answers for a page's requests, by the end of their path. */
export async function answers(page, by) {
  for (const [path, make] of Object.entries(by)) await page.route((url) => url.pathname === `/api/v1${path}`, (route) => route.fulfill({ json: make(route.request()) }));
}
