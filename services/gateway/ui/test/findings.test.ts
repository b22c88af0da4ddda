import { describe, expect, it } from "vitest";
import type { Alert, Forecast, Incident, Risk } from "../src/api/types";
import { columnsOf } from "../src/charts/columns";
import { safeLink, whereTo } from "../src/pages/alerts/AlertLine";
import { arranged as alertsArranged, grouped, matchersOf } from "../src/pages/alerts/groups";
import { changed, fieldsOf, kinds } from "../src/pages/alerts/setup/kinds";
import { bandPlaces } from "../src/pages/forecast/Band";
import { byEnd, byUrgency } from "../src/pages/forecast/Forecast";
import { foreseen, intervals, withFan } from "../src/pages/forecast/fan";
import { bins, byEntity } from "../src/pages/forecast/Outlook";
import { burnOrder } from "../src/pages/forecast/RiskLine";
import { orderedTerms } from "../src/pages/incidents/Causes";
import { arranged } from "../src/pages/incidents/Incidents";
import { mapTime, shares, standingAt, standingOf } from "../src/pages/incidents/Reach";
import { firstSigns, inWords } from "../src/pages/incidents/related";
import { report } from "../src/pages/incidents/report";
import { gathered } from "../src/pages/incidents/Timeline";
import { Firing } from "../src/shell/badgeFeed";

const incident = (id: string, over: Partial<Incident> = {}): Incident => ({
  id,
  version: 1,
  state: "open",
  title: id,
  severity: "warning",
  opened_ms: 0,
  updated_ms: 0,
  ...over,
});

const alert = (id: string, state: Alert["state"], version = 1, started = 0): Alert => ({
  id,
  version,
  state,
  rule: "r",
  severity: "warning",
  title: id,
  started_ms: started,
  updated_ms: started,
});

describe("incidents", () => {
  it("shows open ones first, the newest version of each, and no merged one", () => {
    const list = [
      incident("old", { state: "closed", opened_ms: 9 }),
      incident("a", { opened_ms: 1 }),
      incident("b", { opened_ms: 5 }),
      incident("m", { state: "merged" }),
    ];
    expect(arranged(list).map((i) => i.id)).toEqual(["b", "a", "old"]);
    expect(arranged(list, incident("a", { version: 2, state: "closed", opened_ms: 1 })).map((i) => i.id)).toEqual([
      "b",
      "old",
      "a",
    ]);
  });

  it("says the role of each entity", () => {
    const i = incident("i", {
      verdict: "cause",
      entities: ["pay", "cart", "odd"],
      causes: [{ entity: "pay", score: 1, terms: {} }],
      blast: [
        { entity: "cart", meaning: "live", probability: 0.9 },
        { entity: "web", meaning: "structural", probability: 0.3 },
      ],
    });
    expect(standingOf(i, "pay")).toEqual({ role: "cause" });
    expect(standingOf(i, "cart")).toEqual({ role: "hit", probability: 0.9 });
    expect(standingOf(i, "web").role).toBe("at_risk");
    expect(standingOf(i, "odd").role).toBe("odd");
    expect(standingOf(i, "far").role).toBe("none");
    expect(standingOf({ ...i, verdict: "inconclusive" }, "pay").role).toBe("odd");
  });

  it("says what was said again and again once", () => {
    const e = (at_ms: number, what: string, text: string, ref = "") => ({ at_ms, what, text, ref });
    const lines = gathered([
      e(1, "similar", "53% like i1", "i1"),
      e(2, "episode", "a left", "e1"),
      e(3, "similar", "30% like i1", "i1"),
      e(3, "note", "x"),
    ]);
    expect(lines.map((l) => [l.at_ms, l.text, l.all.length])).toEqual([
      [1, "30% like i1", 2],
      [2, "a left", 1],
      [3, "x", 1],
    ]);
  });

  it("folds the findings of one entity, and keeps every one of them inside", () => {
    const lines = gathered([
      { at_ms: 1, what: "finding", text: "pay: cpu left its band", ref: "episode-1" },
      { at_ms: 2, what: "cause", text: "pay: changed", ref: "" },
      { at_ms: 3, what: "finding", text: "pay: errors left its band", ref: "episode-2" },
      { at_ms: 4, what: "finding", text: "web: errors left its band", ref: "episode-3" },
    ]);
    expect(lines.map((l) => l.all.map((x) => x.ref))).toEqual([["episode-1", "episode-2"], [""], ["episode-3"]]);
  });

  it("draws the map as of a moment: what had no sign yet was only at risk", () => {
    const i = incident("i", {
      verdict: "cause",
      entities: ["pay", "web"],
      opened_ms: 10,
      causes: [{ entity: "pay", score: 1, terms: {} }],
    });
    const episode = (service: string, opened_ms: number) =>
      ({
        id: service,
        version: 1,
        series_id: "0",
        metric: "m",
        labels: { service },
        kind: "anomaly",
        state: "open",
        opened_ms,
        updated_ms: 0,
      }) as const;
    const first = firstSigns([episode("pay", 12), episode("pay", 10), episode("web", 20)]);
    expect([...first]).toEqual([
      ["pay", 10],
      ["web", 20],
    ]);
    expect(standingAt(i, "web", first, 15).role).toBe("at_risk");
    expect(standingAt(i, "web", first, 20).role).toBe("odd");
    expect(standingAt(i, "pay", first, 15).role).toBe("cause");
    expect(standingAt(i, "cart", first, 15).role).toBe("none");
  });

  it("names changes in words where they are known", () => {
    const text = "changed shortly before (event-ede720b6d5f45c17)";
    expect(inWords(text, { "event-ede720b6d5f45c17": "pay 2.0 rolled out" })).toBe(
      "changed shortly before (pay 2.0 rolled out)",
    );
    expect(inWords(text, {})).toBe(text);
  });

  it("orders the terms of a score by weight", () => {
    expect(orderedTerms({ a: 0.1, b: -2, c: 1 }).map((x) => [x.name, x.share])).toEqual([
      ["b", 1],
      ["c", 0.5],
      ["a", 0.05],
    ]);
    expect(orderedTerms({ nothing: 0 })).toEqual([]);
  });

  it("says how many users are hit, or that it is not known, and which promises are inside", () => {
    const told = (impact: Parameters<typeof shares>[0]) => shares(impact).map((line) => line.split(" ")[0]);
    expect(told({})).toEqual(["incidents.users_unknown"]);
    expect(told({ users: null, slos: [] })).toEqual(["incidents.users_unknown"]);
    expect(told({ users: 0 })).toEqual(["incidents.users"]);
    expect(told({ users: 0.34, slos: ["checkout"], slo_share: 0.5, tickets: ["T-1"], ticket_share: 1 })).toEqual([
      "incidents.users",
      "incidents.slos",
      "incidents.tickets",
    ]);
  });

  it("asks for the map of the moment shown: now's while the incident goes on, the end's once it is closed", () => {
    expect(mapTime(null, null)).toBe(null);
    expect(mapTime(undefined, 61_000)).toBe(120_000);
    expect(mapTime(300_000, null)).toBe(300_000);
    expect(mapTime(300_000, 119_999)).toBe(120_000);
  });

  it("writes a report in which text from outside stays text", () => {
    const text = report(
      incident("i", {
        title: "<script>alert(1)</script> [x](javascript:1)",
        timeline: [{ at_ms: 0, what: "note", text: "*x*" }],
      }),
    );
    expect(text).not.toContain("<script>");
    expect(text).not.toContain("[x](");
    expect(text).toContain("1970-01-01T00:00:00Z \\*x\\*");
  });
});

describe("alerts", () => {
  it("says an alert once when it begins to call, and counts those that call", () => {
    const firing = new Firing();
    expect(firing.take(alert("a", "firing", 1))).toBe(true);
    expect(firing.take(alert("a", "firing", 1))).toBe(false);
    expect(firing.take({ ...alert("a", "firing", 2), value: 3 })).toBe(false);
    expect(firing.take({ ...alert("b", "firing", 1), held_back_by: "silence" })).toBe(false);
    expect(firing.size).toBe(1);
    expect(firing.take(alert("b", "firing", 2))).toBe(true);
    expect(firing.take(alert("a", "resolved", 3))).toBe(false);
    expect(firing.size).toBe(1);
  });

  it("puts together what was told as one, what is over apart, and knows the labels that all share", () => {
    const of = (id: string, state: Alert["state"], labels: Record<string, string>): Alert => ({
      ...alert(id, state),
      group: "g",
      labels,
    });
    const groups = grouped([
      of("a", "firing", { service: "pay", metric: "cpu" }),
      of("b", "firing", { service: "pay", metric: "errors" }),
      of("c", "resolved", { service: "pay", metric: "cpu" }),
      alert("d", "firing"),
    ]);
    expect(groups.map((g) => g.alerts.map((a) => a.id))).toEqual([["a", "b"], ["c"], ["d"]]);
    expect(groups[0]?.labels).toEqual({ service: "pay" });
    expect(matchersOf({ service: 'pa"y', host: "n\\1" })).toEqual(['host="n\\\\1"', 'service="pa\\"y"']);
  });

  it("leads to the incident before the episode before the service", () => {
    const a = { ...alert("a", "firing"), refs: ["episode-1", "incident-2"], labels: { service: "pay" } };
    expect(whereTo(a)).toContain("/incidents?id=incident-2");
    expect(whereTo({ ...a, refs: ["episode-1"] })).toContain("open=episode-1");
    expect(whereTo({ ...a, refs: [] })).toContain("service=pay");
    expect(whereTo(alert("b", "firing"))).toBeNull();
  });

  it("keeps of an object only the fields of its sort, and what the form does not show", () => {
    const rule = kinds["rule"];
    if (!rule) throw new Error("rule");
    const body = { kind: "threshold", metric: "cpu", above: 3, labels: { team: "x" } };
    expect(changed(rule, body, "kind", "anomaly")).toEqual({ kind: "anomaly", labels: { team: "x" } });
    expect(changed(rule, body, "above", Number.NaN)).toEqual({
      kind: "threshold",
      metric: "cpu",
      labels: { team: "x" },
    });
    expect(fieldsOf(rule, { kind: "risk" }).map((f) => f.name)).toContain("at_least");
    expect(fieldsOf(rule, body).map((f) => f.name)).not.toContain("at_least");
  });

  it("shows firing first and the newest version", () => {
    const list = [
      alert("r", "resolved"),
      alert("p", "pending"),
      alert("f", "firing", 1, 1),
      alert("g", "firing", 1, 5),
    ];
    expect(alertsArranged(list).map((a) => a.id)).toEqual(["g", "f", "p", "r"]);
    expect(alertsArranged(list, alert("f", "acknowledged", 2)).map((a) => a.state)).toEqual([
      "firing",
      "acknowledged",
      "pending",
      "resolved",
    ]);
  });

  it("makes links only of web addresses", () => {
    expect(safeLink("https://wiki/x")).toBe("https://wiki/x");
    for (const bad of ["javascript:alert(1)", "data:text/html,x", " https://x", "", undefined])
      expect(safeLink(bad)).toBeNull();
  });
});

describe("forecasts and risks", () => {
  const capacity = (id: string, eta_ms: number | null, probability = 0.5): Risk => ({
    id,
    version: 1,
    entity: id,
    kind: "capacity",
    made_at_ms: 0,
    probability,
    eta_ms,
  });

  it("lists what runs out first", () => {
    const list = [
      capacity("never", null, 0.1),
      capacity("late", 900),
      capacity("soon", 100),
      capacity("maybe", null, 0.4),
    ];
    expect(byEnd(list).map((r) => r.id)).toEqual(["soon", "late", "maybe", "never"]);
  });

  it("places the band of an end on one line, an open end at its edge", () => {
    const r = {
      ...capacity("a", 500),
      eta_low_ms: 250,
      eta_high_ms: 2000,
      eta_inner_low_ms: 400,
      eta_inner_high_ms: 600,
    };
    expect(bandPlaces(r, 0, 1000)).toEqual({ outer: [25, 100], inner: [40, 60], middle: 50 });
    expect(bandPlaces({ ...capacity("b", null), eta_low_ms: 250 }, 0, 1000)).toEqual({
      outer: [25, 100],
      inner: [25, 100],
      middle: 100,
    });
    expect(bandPlaces(capacity("c", null), 0, 1000)).toBeNull();
  });

  it("lays what was foreseen on the times of what came, finest step only", () => {
    const past = {
      ts: [100, 210, 900, 105],
      step_ms: [100, 100, 100, 600],
      actual: [],
      mean: [1, 2, 3, 9],
      inside: [],
    };
    expect(foreseen([0, 100, 200, 300], past)).toEqual([undefined, 1, 2, undefined]);
    expect(foreseen([], past)).toEqual([]);
  });

  it("groups the outlook by service and reads the reliability that it carries", () => {
    const incidentRisk = (entity: string, horizon_s: number, probability: number | null, text = "[]"): Risk => ({
      ...capacity(`${entity}${horizon_s}`, null),
      kind: "incident",
      entity,
      horizon_s,
      probability,
      factors: [{ name: "reliability", contribution: 0, text }],
    });
    const list = [
      incidentRisk("a", 86_400, 0.1),
      incidentRisk("b", 3600, null),
      incidentRisk("b", 86_400, 0.4),
      incidentRisk("a", 3600, 0.2),
    ];
    expect(byEntity(list).map(([e, rs]) => [e, rs.map((r) => r.horizon_s)])).toEqual([
      ["b", [3600, 86_400]],
      ["a", [3600, 86_400]],
    ]);
    expect(bins(incidentRisk("a", 1, 0, "[[5,0.1,0.2],[0,0.5,0.0]]"))).toEqual([[5, 0.1, 0.2]]);
    expect(bins(incidentRisk("a", 1, 0, "not json"))).toEqual([]);
  });

  const f: Forecast = {
    series_id: "a",
    made_at_ms: 100,
    step_ms: 10,
    mean: [1, 2, 3],
    levels: [0.025, 0.25, 0.75, 0.975],
    quantiles: [
      [0, 0, 0],
      [0.5, 1, 1.5],
      [1.5, 3, 4.5],
      [2, 4, 6],
    ],
  };

  it("finds the outer and the inner interval", () => {
    expect(intervals(f.levels)).toEqual({ outer: [0, 3], inner: [1, 2] });
    expect(intervals([0.1, 0.5, 0.9])).toEqual({ outer: [0, 2], inner: [0, 2] });
    expect(intervals([0.5])).toBeNull();
    expect(intervals([])).toBeNull();
  });

  it("appends only steps that the history has not reached", () => {
    const c = withFan(columnsOf({ ts: [90, 115], value: [7, 8] }), f);
    expect(c.ts).toEqual([90, 115, 120, 130]);
    expect(c.value).toEqual([7, 8, null, null]);
    expect(c.expected.slice(2)).toEqual([2, 3]);
    expect(c.lower.slice(2)).toEqual([0, 0]);
    expect(c.upper.slice(2)).toEqual([4, 6]);
    expect(c.low.slice(2)).toEqual([1, 1.5]);
    expect(c.high.slice(2)).toEqual([3, 4.5]);
  });

  it("bears a forecast without levels", () => {
    const c = withFan(columnsOf({ ts: [], value: [] }), { ...f, levels: [], quantiles: [] });
    expect(c.upper).toEqual([null, null, null]);
  });

  it("orders risks by urgency and burn rates by window", () => {
    const risk = (entity: string, probability: number | null, firing = false): Risk => ({
      id: entity,
      version: 1,
      entity,
      kind: "slo",
      made_at_ms: 0,
      probability,
      firing,
    });
    expect(
      byUrgency([risk("none", null), risk("low", 0.1), risk("fire", 0.05, true), risk("high", 0.9)]).map(
        (r) => r.entity,
      ),
    ).toEqual(["fire", "high", "low", "none"]);
    expect(burnOrder({ "3d": 1, "5m": 2, "6h": 3, "1h": 4 }).map(([w]) => w)).toEqual(["5m", "1h", "6h", "3d"]);
  });
});
