// What people read of findings: what runs out first, how forecasts came out, the evidence and the reach of an incident at any moment of it.
import assert from "node:assert/strict";
import { after } from "node:test";
import { act, close, settled, violations } from "./house.mjs";
import * as made from "./made.mjs";

after(close);

function actOn(name, address, by, run) {
  act(name, "/connect", async (page, context) => {
    await made.answers(page, by);
    await page.goto(page.url().replace(/\/connect.*/, address));
    await settled(page);
    await run(page, context);
  });
}

actOn("risks: what runs out first stands first, with its band; budgets, tickets that are open, outlook with its record", "/forecast", { "/risks": () => made.risks() }, async (page) => {
  const room = page.locator("section.panel", { hasText: "What runs out first" });
  assert.deepEqual(await room.locator(".risk-head b").allTextContents(), ["orders-db", "web"]);
  await room.getByText("in about 5 d").waitFor();
  await page.getByText("31 % of the budget left").waitFor();
  await page.getByText("99.931 % good, 99.9 % promised").waitFor();
  await page.getByText("71 % of the time to resolve used").waitFor();
  assert.equal(await page.getByText("printer").count(), 0, "a resolved ticket is no risk");
  const ahead = page.locator("section.panel", { hasText: "Incidents ahead" });
  await ahead.getByText("no statement").waitFor();
  assert.equal(await ahead.getByRole("img", { name: /came true/ }).count(), 2);
  await page.locator("summary", { hasText: "Reasons" }).first().click();
  assert.deepEqual(await violations(page), []);
});

actOn("forecast: a series is found by words and drawn with what earlier forecasts foresaw", "/forecast", { "/risks": () => ({ items: [], next: null }) }, async (page) => {
  const now = Date.now();
  await made.answers(page, { "/forecasts/past": () => ({ ts: [now - 3e5, now - 2e5, now - 1e5], step_ms: [1e5, 1e5, 1e5], actual: [1, 2, 3], mean: [1, 2, 3], inside: [1, 1, 1] }) });
  await page.getByRole("searchbox").fill("cpu");
  await page.locator(".choose .btn").first().click();
  await page.waitForURL(/series=[0-9a-f]{16}/);
  await page.locator(".fan canvas").waitFor();
  await page.getByText("foreseen").waitFor();
});

const hour = 36e5;
const broke = Date.now() - hour;
actOn("a season that broke: what it led to expect beside what came, at both widths and in both languages", "/episodes?from=now-6h&open=episode-s", {
  "/episodes": () => ({ items: [{ id: "episode-s", version: 1, series_id: "00000000000000ff", metric: "latency", labels: { service: "pay" }, unit: "ms", kind: "season", state: "closed", direction: "both", severity: "info", opened_ms: broke, updated_ms: broke, closed_ms: broke, value: 0, expected: 3600, peak_value: 0, peak_score: 1 }], next: null }),
  "/range": (request) => {
    const asked = new URL(request.url()).searchParams;
    assert.deepEqual([broke - Number(asked.get("from")), Number(asked.get("to")) > broke + hour / 2], [2 * hour, true], "two periods before, and what came after");
    const ts = Array.from({ length: 180 }, (_, i) => broke - 2 * hour + i * 6e4);
    const value = ts.map((at) => (at < broke ? 50 + 20 * Math.cos(((at - broke) / hour) * 2 * Math.PI) : 50));
    return { from: ts[0], to: ts.at(-1), step_ms: 0, series: [{ id: "00000000000000ff", metric: "latency", labels: { service: "pay" }, unit: "ms", ts, value, low: [], high: [], score: [], expected: [], lower: [], upper: [], flags: [] }] };
  },
}, async (page) => {
  await page.locator(".opened canvas").waitFor();
  await page.locator(".facts", { hasText: "Before › now" }).getByText("1 h › no season").waitFor();
  assert.equal(await page.locator(".facts").getByText("Peak value").count(), 0, "a period is no value of the series");
  assert.equal(await page.locator(".line-time").getByText("lasted").count(), 0, "a change is a moment");
  const seen = page.locator(".opened .readout");
  await seen.getByText("1 h earlier: what the season led to expect").waitFor();
  // At the newest sample the value is flat, and the season went up and down there.
  const [came, expected] = await seen.locator("b").allTextContents();
  assert.match(came, /^50\b/);
  assert.match(expected, /^69|^70/);
  for (const [width, lang] of [[1440, "en"], [390, "ja"]]) {
    await page.setViewportSize({ width, height: 844 });
    await page.goto(`${page.url().replace(/&lang=../, "")}&lang=${lang}`);
    await settled(page);
    await page.locator(".opened canvas").waitFor();
    assert.deepEqual(await violations(page), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  }
  await page.getByText("周期から予想される値").waitFor();
});

function incident(now) {
  const opened = now - 20 * 6e4;
  const episode = (id, service, at) => ({ id, version: 1, series_id: id.padStart(16, "0"), metric: "latency", labels: { service }, kind: "anomaly", state: "open", opened_ms: at, updated_ms: now, peak_score: 2, peak_value: 9, upper: 3 });
  return {
    incident: {
      id: "incident-1", version: 1, state: "open", title: "pay affects web", severity: "critical", opened_ms: opened, updated_ms: now, verdict: "cause", entities: ["pay", "web"], episodes: ["1", "2"],
      causes: [{ entity: "pay", score: 3, terms: { own: 1 }, change_id: "event-0123456789abcdef", text: "changed shortly before (event-0123456789abcdef)" }],
      blast: [{ entity: "web", meaning: "live", probability: 0.9, hops: 1, path: ["pay", "web"] }],
      timeline: [{ at_ms: opened, what: "finding", text: "pay: a left its band", ref: "episode-1" }, { at_ms: opened + 1, what: "finding", text: "pay: b left its band", ref: "episode-2" }],
    },
    episodes: [episode("1", "pay", opened), episode("2", "web", opened + 10 * 6e4)],
    edges: [{ caller: "web", callee: "pay", source: "declared", confidence: 1, directed: true }],
  };
}

const made1 = incident(Date.now());
actOn("an incident: charts of the evidence, the change in words, the map as of any moment, what if another failed", "/incidents?id=incident-1", {
  "/incidents": () => ({ items: [made1.incident], next: null }),
  "/episodes": () => ({ items: made1.episodes, next: null }),
  "/edges": () => ({ items: made1.edges, next: null }),
  "/annotations": () => ({ items: [{ id: "event-0123456789abcdef", at_ms: 0, title: "pay 2.0 rolled out" }], next: null }),
  "/whatif": () => ({ entity: "pay", affected: [{ entity: "web", meaning: "structural", probability: 0.8, hops: 1, path: ["pay", "web"] }] }),
  "/range": (request) => {
    const ids = new URL(request.url()).searchParams.getAll("series");
    const ts = Array.from({ length: 20 }, (_, i) => made1.incident.opened_ms + (i - 10) * 6e4);
    return { from: ts[0], to: ts[19], step_ms: 0, series: ids.map((id) => ({ id, metric: "latency", labels: { service: "pay" }, unit: "ms", ts, value: ts.map((_, i) => i), low: [], high: [], score: [], expected: [], lower: ts.map(() => 1), upper: ts.map(() => 5), flags: [] })) };
  },
}, async (page) => {
  await page.getByText("changed shortly before (pay 2.0 rolled out)").waitFor();
  await page.getByRole("img", { name: /latency service=pay: .* around the first sign/ }).waitFor();
  await page.getByText("pay: 2 series left their band").click();
  await page.getByText("pay: b left its band").waitFor();
  const web = page.locator(".map a").filter({ hasText: "web" });
  assert.match(await web.getAttribute("aria-label"), /hit 90\s%/);
  const slider = page.getByRole("slider", { name: /Map as of/ });
  await slider.focus();
  await page.keyboard.press("Home");
  assert.match(await web.getAttribute("aria-label"), /at risk/);
  await page.keyboard.press("End");
  assert.match(await web.getAttribute("aria-label"), /hit 90\s%/);
  await page.getByLabel("What if this failed").selectOption("pay");
  await page.getByText("at risk (80 %)").waitFor();
  assert.deepEqual(await violations(page), []);
});
