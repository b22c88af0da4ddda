// What drawing costs: processor time of the page's main thread, from the browser's own counters. The data are made here, so that the
// gateway's time is not in the figures.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { close, settled, visit } from "./house.mjs";

after(close);

/** Milliseconds of the main thread for 50,000 points, and the share of a core for 20 charts at 2 Hz. */
const mostDrawMs = 120;
const mostLiveShare = 0.12;
const liveSeconds = 10;
const mostTries = 3;

const idOf = (i) => (i + 1).toString(16).padStart(16, "0");
const wave = (i, t) => 50 + 10 * Math.sin(t / 60_000 + i) + ((t / 1000) % 7);

function columns(i, from, to, step) {
  const c = { id: idOf(i), metric: "made", labels: { service: `s${i}` }, unit: "%", ts: [], value: [], low: [], high: [], score: [], expected: [], lower: [], upper: [], flags: [] };
  for (let t = from; t < to; t += step) {
    const v = wave(i, t);
    c.ts.push(t);
    c.value.push(v);
    c.low.push(v);
    c.high.push(v);
    c.score.push(0.2);
    c.expected.push(55);
    c.lower.push(40);
    c.upper.push(70);
    c.flags.push(0);
  }
  return c;
}

/** Time that the main thread was busy, in seconds, by its own clock: other work on the machine does not count. */
async function busy(page, context) {
  const cdp = await context.newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await cdp.send("Performance.getMetrics");
    return metrics.find((m) => m.name === "TaskDuration").value;
  };
}

async function withMade(page, points, seconds) {
  await page.route("**/api/v1/range*", (route) => {
    const ids = new URL(route.request().url()).searchParams.getAll("series");
    const to = Math.floor(Date.now() / 1000) * 1000;
    const from = to - seconds * 1000;
    const series = ids.map((id) => columns(Number.parseInt(id, 16) - 1, from, to, (seconds * 1000) / points));
    return route.fulfill({ json: { from, to, step_ms: 0, series } });
  });
}

test("50,000 points are drawn within the budget", async (t) => {
  const { page, context } = await visit("/health");
  try {
    await settled(page);
    await withMade(page, 50_000, 3600);
    await page.evaluate((id) => history.pushState(null, "", `/explore?from=now-1h&series=${id}&theme=light`), idOf(0));
    await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
    await page.locator("canvas").first().waitFor();
    const at = await busy(page, context);
    const spent = [];
    for (let i = 0; i < 5; i++) {
      // Another theme draws the whole chart anew, with all that a first drawing takes.
      const name = i % 2 ? "Light" : "Dark";
      const before = await at();
      await page.getByRole("button", { name }).first().click();
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      spent.push(((await at()) - before) * 1000);
    }
    const best = Math.min(...spent);
    t.diagnostic(`50,000 points: ${spent.map((s) => s.toFixed(0)).join(", ")} ms`);
    assert.ok(best <= mostDrawMs, `${best.toFixed(0)} ms`);
  } finally {
    await context.close();
  }
});

test("20 live charts at 2 Hz leave the processor in peace", async (t) => {
  const { page, context } = await visit("/health");
  try {
    await settled(page);
    await withMade(page, 600, 600);
    await page.routeWebSocket("**/api/v1/ws", (socket) => {
      const timers = new Map();
      socket.onMessage((text) => {
        const m = JSON.parse(text);
        if (m.op === "unsub") clearInterval(timers.get(m.id));
        if (m.op !== "sub" || !m.series) return;
        const timer = setInterval(() => {
          const ts = Math.floor(Date.now() / 500) * 500;
          const series = m.series.map((id) => ({ id, ts: [ts], value: [wave(Number.parseInt(id, 16), ts)], score: [0.2], expected: [55], lower: [40], upper: [70], flags: [0] }));
          socket.send(JSON.stringify({ op: "points", id: m.id, cursor: `${ts}`, series }));
        }, 500);
        // A page that goes away says nothing: the timer must not keep the test running.
        timer.unref();
        timers.set(m.id, timer);
      });
      socket.onClose(() => timers.forEach((timer) => clearInterval(timer)));
    });
    const panels = Array.from({ length: 20 }, (_, i) => ({ id: `p${i}`, type: "timeseries", title: `p${i}`, x: (i % 4) * 3, y: Math.floor(i / 4) * 4, w: 3, h: 4, query: { q: `n${i}`, limit: 1 }, options: {} }));
    await page.route("**/api/v1/config/dashboard/made", (route) => route.fulfill({ json: { id: "made", version: 1, body: { title: "made", from: "now-15m", panels } } }));
    await page.route("**/api/v1/series?*", (route) => {
      const i = Number(/q=n(\d+)/.exec(route.request().url())?.[1] ?? 0);
      return route.fulfill({ json: { items: [{ id: idOf(i), metric: "made", labels: {}, unit: "%", kind: "gauge", last_ms: 0, score: 0, value: 1, state: "ok" }], next: null } });
    });
    await page.setViewportSize({ width: 1440, height: 1400 });
    await page.goto(page.url().replace(/\/health.*/, "/dashboards/made"));
    await page.waitForFunction(() => document.querySelectorAll(".cell canvas").length === 20);
    const at = await busy(page, context);
    const first = await page.locator(".readout time").first().textContent();
    // The best of a few: a busy machine shares caches and cores, and processor time grows with that.
    const shares = [];
    while (shares.length < mostTries && !(Math.min(...shares) <= mostLiveShare)) {
      const before = await at();
      await page.waitForTimeout(liveSeconds * 1000);
      shares.push(((await at()) - before) / liveSeconds);
    }
    assert.notEqual(await page.locator(".readout time").first().textContent(), first, "the charts are live");
    const said = shares.map((share) => (share * 100).toFixed(1)).join(", ");
    t.diagnostic(`20 live charts: ${said} % of a core`);
    assert.ok(Math.min(...shares) <= mostLiveShare, `${said} %`);
  } finally {
    await context.close();
  }
});
