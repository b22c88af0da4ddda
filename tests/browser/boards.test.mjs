// What people do with a dashboard that stands: star it, make it home, give it away as a link or as files.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { act, api, close, open, settled, unique, violations } from "./house.mjs";

after(close);

const query = { q: "cpu", metric: "", service: "", host: "", limit: 2 };
const panel = (id, type, x, y, extra = {}) => ({ id, type, title: `${id} panel`, x, y, w: 4, h: 5, query, options: {}, ...extra });

async function board(page, id) {
  const panels = [panel("line", "timeseries", 0, 0), panel("one", "stat", 4, 0), panel("rows", "table", 8, 0), panel("map", "map", 0, 5), panel("words", "text", 4, 5, { options: { text: "for the night" } }), panel("heat", "heatmap", 8, 5)];
  const body = { title: id, description: "", folder: "", tags: [], from: "now-15m", variables: [], panels };
  assert.equal((await api(page, `/config/dashboard/${id}`, { method: "PUT", body: JSON.stringify(body) })).status, 201);
  await page.goto(page.url().replace(/\/dashboards.*/, `/dashboards/${id}`));
  await page.getByRole("region", { name: "line panel" }).locator("canvas").waitFor();
}

act("a starred dashboard stands first, in another window too; home is where the client starts", "/dashboards", async (page, context) => {
  const id = `${unique}-zzz`;
  await board(page, id);
  await page.getByRole("button", { name: "Star" }).click();
  await page.getByRole("button", { name: "My home" }).click();
  await page.getByRole("button", { name: "My home", pressed: true }).waitFor();
  await page.getByRole("button", { name: "Star", pressed: true }).waitFor();
  const other = await (await open()).newContext({ locale: "en-US" });
  try {
    await other.addCookies(await context.cookies());
    const second = await other.newPage();
    await second.goto(page.url().replace(/\/dashboards.*/, "/dashboards?lang=en"));
    await second.locator(".shelf li").first().getByText("★").waitFor();
    await second.locator(".shelf li", { hasText: id }).getByText("★").waitFor();
    await second.goto(page.url().replace(/\/dashboards.*/, "/"));
    await second.waitForURL(new RegExp(`/dashboards/${id}`));
    await second.getByRole("button", { name: "My home" }).click();
    await second.getByRole("button", { name: "My home", pressed: false }).waitFor();
  } finally {
    await other.close();
  }
});

act("a link shows the dashboard to somebody without an account, live and frozen; revoked it shows nothing", "/dashboards", async (page) => {
  const id = `${unique}-share`;
  await board(page, id);
  await page.getByRole("button", { name: "Share" }).click();
  const links = [];
  for (const kind of ["live", "frozen"]) {
    await page.getByRole("button", { name: `Link with ${kind} data` }).click();
    const field = page.getByRole("textbox", { name: "Link" });
    await page.waitForFunction((old) => ![undefined, "", old].includes(document.querySelector(".share input.wide")?.value), links.at(-1));
    links.push(await field.inputValue());
  }
  const stranger = await (await open()).newContext({ locale: "en-US" });
  try {
    for (const [i, link] of links.entries()) {
      const there = await stranger.newPage();
      const asked = [];
      there.on("request", (r) => r.url().includes("/api/") && asked.push(new URL(r.url()).pathname));
      const answered = [];
      there.on("response", (r) => r.url().includes("/range") && answered.push(r.status()));
      await there.goto(link);
      await there.getByRole("heading", { level: 1, name: id }).waitFor();
      await there.getByRole("region", { name: "line panel" }).locator("canvas").waitFor();
      await there.getByRole("region", { name: "rows panel" }).getByRole("row").nth(1).waitFor();
      await there.getByText("for the night").waitFor();
      assert.equal(await there.getByRole("region", { name: "map panel" }).count(), 0, "what is not behind the link is not shown");
      assert.ok(asked.every((p) => /\/(shared\/|range)/.test(p)), `asked ${asked}`);
      if (i === 0) assert.ok(answered.length > 0 && answered.every((s) => s === 200));
      else assert.equal(answered.length, 0, "frozen data is in the link");
      assert.deepEqual(await violations(there), []);
      await there.close();
    }
    for (const revoke of await page.getByRole("button", { name: "Revoke" }).all()) assert.ok(revoke);
    while ((await page.getByRole("button", { name: "Revoke" }).count()) > 0) {
      const before = await page.getByRole("button", { name: "Revoke" }).count();
      await page.getByRole("button", { name: "Revoke" }).first().click();
      await page.waitForFunction((n) => document.querySelectorAll(".share li").length < n, before);
    }
    const late = await stranger.newPage();
    await late.goto(links[1]);
    await late.getByText("This link does not work").waitFor();
  } finally {
    await stranger.close();
  }
});

act("a chart is taken away as SVG, PNG and CSV, a table as CSV, a map as SVG", "/dashboards", async (page) => {
  await board(page, `${unique}-take`);
  const taken = async (name, format) => {
    const region = page.getByRole("region", { name: `${name} panel` });
    await region.scrollIntoViewIfNeeded();
    await region.locator(".cell-body > *").first().waitFor();
    if (!(await region.getByRole("button", { name: format, exact: true }).isVisible())) await region.locator("summary").first().click();
    const [file] = await Promise.all([page.waitForEvent("download"), region.getByRole("button", { name: format, exact: true }).click()]);
    assert.equal(file.suggestedFilename(), `${name}_panel.${format.toLowerCase()}`);
    return readFileSync(await file.path());
  };
  const svg = (await taken("line", "SVG")).toString();
  assert.match(svg, /^<svg [^>]*xmlns=/);
  assert.match(svg, /line panel/);
  assert.ok((svg.match(/<path /g) ?? []).length >= 3, "axes and lines");
  const parsed = await page.evaluate((text) => new DOMParser().parseFromString(text, "image/svg+xml").querySelector("parsererror")?.textContent ?? "", svg);
  assert.equal(parsed, "");
  const png = await taken("line", "PNG");
  assert.equal(png.subarray(1, 4).toString(), "PNG");
  assert.ok(png.readUInt32BE(16) > 600, "twice as fine as the screen");
  const csv = (await taken("line", "CSV")).toString().split("\n");
  assert.match(csv[0], /^time,/);
  assert.match(csv[1], /^\d{4}-\d\d-\d\dT[\d:.]+Z,/);
  assert.match((await taken("rows", "CSV")).toString(), /^Series,Value,Score/);
  assert.match((await taken("heat", "SVG")).toString(), /<image /);
});

act("explore gives the request behind a chart for a terminal, a notebook and Grafana, and explains any moment by mouse and keys", "/explore?from=now-15m", async (page, context) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const [series] = (await api(page, "/series?q=cpu&limit=1")).body.items;
  await page.goto(page.url().replace(/\/explore.*/, `/explore?from=now-15m&lang=en&series=${series.id}`));
  await page.locator("canvas").first().waitFor();
  await page.locator("article .menu summary").click();
  for (const [name, pattern] of [["curl", /^curl -H .*\/api\/v1\/range\?series=/], ["SQL", /FROM v_scores/], ["Grafana", /\$__timeFilter/]]) {
    await page.getByRole("button", { name: new RegExp(name) }).click();
    await page.getByText("Copied").waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), pattern);
  }
  await settled(page);
  await page.locator("article .menu summary").click();
  const box = await page.locator(".over").boundingBox();
  await page.mouse.click(box.x + box.width * 0.3, box.y + 40);
  await page.locator(".why").getByText(/^At .* \d\d:\d\d:\d\d\./).waitFor();
  await page.getByRole("button", { name: "Newest value" }).click();
  await page.locator(".chart-box").focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await page.locator(".why").getByText(/^At /).waitFor();
});
