// What people do: move by keys, find, explore live, judge an episode, edit a dashboard with mouse and keys, meet a conflict, connect.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { act, api, close, settled, unique, visit } from "./house.mjs";

after(close);

act("keys go to pages, the palette finds pages and series, the back button works", "/", async (page) => {
  await page.keyboard.press("g");
  await page.keyboard.press("e");
  await page.waitForURL(/\/episodes/);
  await page.keyboard.press("/");
  const field = page.getByRole("dialog").getByRole("combobox");
  await field.fill("latency_ms pay");
  await page.getByRole("option", { name: /latency_ms/ }).first().waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/explore\?.*series=[0-9a-f]{16}/);
  await page.locator("canvas").first().waitFor();
  await page.goBack();
  await page.waitForURL(/\/episodes/);
});

act("overview: nothing is called quiet before the open episodes are known", "/health", async (page) => {
  let answer;
  const held = new Promise((done) => {
    answer = done;
  });
  await page.route("**/api/v1/episodes*", async (route) => {
    await held;
    await route.fulfill({ json: { items: [], next: null } });
  });
  await page.evaluate(() => history.pushState(null, "", "/"));
  await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
  const panel = page.locator(".panel", { has: page.getByRole("heading", { name: "Odd now" }) });
  await panel.locator(".loading, ul").first().waitFor();
  assert.equal(await panel.locator(".quiet").count(), 0);
  answer();
  await panel.locator(".quiet, ul").first().waitFor();
});

act("the skip link is the first stop and leads to the content", "/", async (page) => {
  await page.keyboard.press("Tab");
  const text = await page.evaluate(() => document.activeElement?.textContent?.trim());
  assert.equal(text, "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => location.hash), "#main");
});

act("language and theme change at once, without a reload, and stay", "/", async (page) => {
  await page.evaluate(() => {
    window.sameWindow = true;
  });
  await page.getByRole("button", { name: "日本語" }).first().click();
  await page.getByRole("heading", { level: 1, name: "概観" }).waitFor();
  await page.getByRole("button", { name: "ダーク" }).first().click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.equal(await page.evaluate(() => window.sameWindow), true);
  assert.deepEqual(await page.evaluate(() => [localStorage["kizashi.lang"], localStorage["kizashi.theme"]]), ["ja", "dark"]);
});

act("explore: choose by facet and box, zoom by dragging and by keys, take the numbers away", "/explore?from=now-1h", async (page) => {
  await page.locator(".finder summary", { hasText: "Service" }).click();
  await page.locator(".finder details li", { has: page.getByText("pay", { exact: true }) }).getByRole("checkbox").check();
  await page.waitForURL(/service=pay/);
  await page.locator(".found label", { hasText: "latency_ms" }).first().getByRole("checkbox").check();
  await page.waitForURL(/series=/);
  const plot = page.locator(".over").first();
  await plot.waitFor();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 60, { steps: 6 });
  await page.mouse.up();
  await page.waitForURL(/from=\d{13}/);
  const zoomed = new URL(page.url()).searchParams;
  const width = Number(zoomed.get("to")) - Number(zoomed.get("from"));
  assert.ok(width > 1.2e6 && width < 1.7e6, `zoomed to ${width} ms`);
  await page.locator(".chart-box").first().focus();
  await page.keyboard.press("+");
  await page.waitForFunction((w) => {
    const p = new URL(location.href).searchParams;
    return Number(p.get("to")) - Number(p.get("from")) < w * 0.6;
  }, width);
  await page.locator("article .menu summary").click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
  assert.match(file.suggestedFilename(), /latency_ms.*\.csv$/);
});

const sentUntil = Number(process.env.KIZASHI_TEST_SENT_UNTIL);

act("explore: what changed ranks series and adds them to the charts", `/explore?from=${sentUntil - 600_000}&to=${sentUntil}&changed=1`, async (page) => {
  const first = page.locator(".changed li").first();
  await first.waitFor();
  await first.getByRole("checkbox").check();
  await page.waitForURL(/series=/);
  await page.locator("canvas").first().waitFor();
});

act("explore: a new sample shows on the chart without a request for the range", "/explore", async (page) => {
  const key = (await api(page, "/tokens", { method: "POST", body: JSON.stringify({ name: unique, scopes: ["ingest"], expires_days: 1 }) })).body.key;
  const send = (value) =>
    page.evaluate(
      async ([k, m, v]) => {
        const answer = await fetch("/api/v1/metrics", { method: "POST", headers: { Authorization: `Bearer ${k}`, "Content-Type": "application/json" }, body: JSON.stringify({ metric: m, value: v, labels: { service: "live" } }) });
        return answer.status;
      },
      [key, `${unique}_live`, value],
    );
  const deadline = Date.now() + 20_000;
  // A new key is known to ingest as soon as the change has reached it.
  while ((await send(1)) !== 202) assert.ok(Date.now() < deadline, "the new key is taken");
  let id;
  while (!id && Date.now() < deadline) id = (await api(page, `/series?q=${unique}_live`)).body.items[0]?.id;
  assert.ok(id, "the series appeared");
  await page.evaluate((x) => history.pushState(null, "", `/explore?from=now-15m&series=${x}`), id);
  await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
  await page.locator(".readout").waitFor();
  let asked = 0;
  page.on("request", (r) => r.url().includes("/range") && asked++);
  const before = asked;
  await send(4321);
  await page.locator(".readout b", { hasText: "4,321" }).waitFor({ timeout: 10_000 });
  assert.equal(asked, before, "the value came over the socket");
}, ["401"]);

act("episodes: open one, see its curve, say that it was real, take it back", "/episodes", async (page) => {
  await page.locator(".line").first().click();
  await page.waitForURL(/open=/);
  await page.locator(".opened canvas").waitFor();
  const real = page.getByRole("button", { name: "A real problem" });
  await real.click();
  await page.getByText("Recorded. Press again to take it back.").waitFor();
  await real.click();
  await page.waitForFunction(() => !document.querySelector(".verdict [aria-pressed=true]"));
});

act("dashboards: make, add and set up panels, move and resize by keys and mouse, undo, save, reload", "/dashboards", async (page) => {
  await page.getByRole("button", { name: "New dashboard" }).click();
  await page.waitForURL(/\/dashboards\/new-dashboard/);
  await page.getByRole("button", { name: "Edit" }).click();
  const kind = page.getByRole("combobox", { name: "Add a panel" });
  await kind.selectOption("timeseries");
  const form = page.getByRole("complementary");
  await form.getByLabel("Title").fill("Pay latency");
  await form.getByLabel("Metric").fill("latency_ms");
  await form.getByLabel("Service").fill("pay");
  await page.locator(".edit-cell canvas").waitFor();
  await kind.selectOption("text");
  await form.getByLabel("Text", { exact: true }).fill("<b>plain</b>");
  const cells = page.locator(".edit-cell");
  assert.equal(await cells.count(), 2);
  assert.equal(await page.locator(".prose b").count(), 0, "text stays text");
  const second = cells.nth(1);
  await second.focus();
  const place = () => second.getAttribute("aria-label");
  assert.match(await place(), /column 7, row 1, 4 wide, 3 high/);
  await page.keyboard.press("ArrowRight");
  assert.match(await place(), /column 8, row 1/);
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowLeft");
  assert.match(await place(), /3 wide, 4 high/);
  await page.keyboard.press("Control+z");
  assert.match(await place(), /4 wide, 3 high/);
  const head = await second.locator("header h3").boundingBox();
  await page.mouse.move(head.x + 5, head.y + 8);
  await page.mouse.down();
  await page.mouse.move(head.x - 900, head.y + 8, { steps: 8 });
  await page.mouse.up();
  assert.match(await place(), /column 1, row 1/);
  await page.getByRole("button", { name: "Undo" }).click();
  assert.match(await place(), /column 8, row 1/);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator(".board:not(.board-edit)").waitFor();
  await page.reload();
  await page.getByRole("region", { name: "Pay latency" }).locator("canvas").waitFor();
});

act("dashboards: two people, one conflict, nothing lost; versions, delete and bring back", "/dashboards", async (page) => {
  const id = `${unique}-two`;
  const body = { title: unique, description: "", folder: "", tags: [], from: "now-1h", variables: [], panels: [] };
  assert.equal((await api(page, `/config/dashboard/${id}`, { method: "PUT", body: JSON.stringify(body) })).status, 201);
  await page.goto(page.url().replace(/\/dashboards.*/, `/dashboards/${id}`));
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill(`${unique} mine`);
  await api(page, `/config/dashboard/${id}`, { method: "PUT", headers: { "If-Match": '"1"' }, body: JSON.stringify({ ...body, title: `${unique} theirs` }) });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Somebody saved this dashboard").waitFor();
  await page.getByRole("alert").getByRole("button", { name: "Save as a copy" }).click();
  await page.getByRole("heading", { name: `${unique} mine` }).waitFor();
  assert.equal((await api(page, `/config/dashboard/${id}`)).body.body.title, `${unique} theirs`);
  await page.goto(page.url().replace(/\/dashboards.*/, `/dashboards/${id}`));
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("button", { name: "Versions" }).click();
  await page.getByText("title or settings").waitFor();
  await page.getByRole("button", { name: "Bring back" }).click();
  await page.getByRole("heading", { name: unique, exact: true }).waitFor();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("button", { name: "Versions" }).click();
  await page.getByRole("button", { name: "Delete this dashboard" }).click();
  await page.waitForURL(/\/dashboards$/);
  await page.getByText("Deleted dashboards").click();
  await page.locator(".gone li", { hasText: id }).getByRole("button").click();
  await page.locator(".shelf a", { hasText: unique }).first().waitFor();
}, ["412"]);

act("dashboards: a broken import says where it breaks and makes nothing", "/dashboards", async (page) => {
  await page.locator("input[type=file]").setInputFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from('{"panels":[{"type":"<img>"}]}') });
  await page.getByText("panels[0].type").waitFor();
});

act("dashboards: every panel type draws, in both themes, without trouble", "/dashboards", async (page) => {
  const types = ["timeseries", "stat", "gauge", "bar", "table", "topk", "heatmap", "forecast", "season", "map", "incidents", "alerts", "slo", "text", "pie", "doughnut", "radar", "mixed"];
  const query = { q: "", metric: "latency_ms", service: "", host: "", limit: 4 };
  const panels = types.map((type, i) => ({ id: type, type, title: type, x: (i % 3) * 4, y: Math.floor(i / 3) * 6, w: 4, h: 6, query, options: { text: "words" } }));
  const body = { title: `${unique} all`, description: "", folder: "", tags: [], from: "now-1h", variables: [], panels };
  await api(page, `/config/dashboard/${unique}-all`, { method: "PUT", body: JSON.stringify(body) });
  for (const theme of ["light", "dark"]) {
    await page.goto(page.url().replace(/\/dashboards.*/, `/dashboards/${unique}-all?theme=${theme}`));
    await page.locator(".cell").nth(17).waitFor();
    for (const type of types) {
      const cell = page.locator(`section.cell[aria-label="${type}"]`);
      await cell.scrollIntoViewIfNeeded();
      await cell.locator(".cell-body > :not(.loading)").first().waitFor();
      assert.equal(await cell.getByText("could not be loaded").count(), 0, type);
    }
    assert.equal(await page.locator("section[aria-label=pie] canvas").count(), 1);
  }
  // A season that is not known yet answers 404, and the panel says so.
}, ["404"]);

act("kiosk hides everything but the panels, and the address brings it back", "/dashboards/ready-service", async (page) => {
  await page.getByRole("button", { name: "Full screen" }).click();
  await page.waitForURL(/kiosk=1/);
  assert.equal(await page.locator(".rail").isVisible(), false);
  await page.reload();
  await page.locator(".board").waitFor();
  assert.equal(await page.locator(".rail").isVisible(), false);
});

act("connect: a key is made, its line sends, and the arrival shows", "/connect", async (page) => {
  await page.getByRole("button", { name: "Create a key" }).click();
  await page.getByText("The key is in the lines above").waitFor();
  const line = await page.locator(".snippet").textContent();
  const key = /Bearer ([^']+)'/.exec(line)[1];
  const send = () => page.evaluate(
    async ([k, m]) => (await fetch("/api/v1/metrics", { method: "POST", headers: { Authorization: `Bearer ${k}`, "Content-Type": "application/json" }, body: JSON.stringify({ metric: m, value: 42, labels: { service: "demo" } }) })).status,
    [key, `${unique}_first`],
  );
  const deadline = Date.now() + 15_000;
  while ((await send()) !== 202) assert.ok(Date.now() < deadline, "the new key is taken");
  await page.locator(".arrival", { hasText: `${unique}_first` }).waitFor({ timeout: 15_000 });
}, ["401"]);

test("a wrong password is refused with a sentence; the address asked for waits behind the login", async () => {
  const { page, context } = await visit("/episodes", { signedIn: false });
  try {
    await page.getByLabel("User").fill("nobody");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").textContent(), /wrong/);
    assert.match(page.url(), /\/episodes/);
  } finally {
    await context.close();
  }
});

test("when the gateway is out of reach the page keeps what it has and says so", async () => {
  const { page, context } = await visit("/health");
  try {
    await settled(page);
    await context.setOffline(true);
    await page.getByText("What you see is from").waitFor({ timeout: 15_000 });
    assert.ok((await page.locator(".ledger").count()) > 0, "the old figures are still there");
    await context.setOffline(false);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForFunction(() => !document.querySelector("main .strip-note"));
  } finally {
    await context.close();
  }
});

test("an answer from an attacker stays text", async () => {
  const { page, context, trouble } = await visit("/");
  try {
    const evil = '<img src=x onerror="window.owned=1">';
    await page.route("**/api/v1/episodes*", (route) =>
      route.fulfill({ json: { items: [{ id: "e", version: 1, series_id: "0".repeat(16), metric: evil, labels: { service: evil }, kind: evil, state: "open", opened_ms: Date.now(), updated_ms: Date.now() }], next: null } }),
    );
    await page.getByRole("link", { name: /Episodes/ }).click();
    await page.getByText(evil).first().waitFor();
    assert.equal(await page.evaluate(() => window.owned), undefined);
    assert.deepEqual(trouble, []);
  } finally {
    await context.close();
  }
});
