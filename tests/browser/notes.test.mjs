// Notes on charts: written from a chart's menu, seen by mouse and by keys, changed, taken into a file, deleted; and a viewer who only reads.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { act, api, close, settled, unique, violations, visit } from "./house.mjs";

after(close);

const hour = 36e5;
const opened = async (page, extra = "") => {
  const { body } = await api(page, "/series?metric=latency_ms&service=pay");
  await page.goto(new URL(`/explore?from=now-1h&series=${body.items[0].id}${extra}&lang=en&theme=light`, page.url()).href);
  await settled(page);
  return body.items[0].id;
};
const menu = async (page, item) => {
  await page.locator("article .menu summary").click();
  await page.locator("article .menu").getByRole("button", { name: item }).click();
};
const mark = (page, name) => page.locator(".note-mark", { hasText: name });

act("a note is written, read by mouse and keys, changed by keys, taken along and deleted", "/explore", async (page) => {
  const [first, second] = [`${unique} sale`, `${unique} autumn sale`];
  await opened(page);
  await menu(page, "Write a note");
  const form = page.getByRole("dialog", { name: "New note" });
  await form.getByLabel("Title").fill(first);
  await form.getByLabel("Text").fill("<b>all</b> shops");
  await form.getByLabel("Tags, with commas between").fill("sales, shop");
  await form.getByLabel("Shown on").selectOption("entity:pay");
  assert.deepEqual(await violations(page), []);
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });

  const words = mark(page, first).locator("span").first();
  await words.waitFor();
  assert.match(await words.textContent(), /<b>all<\/b> shops · sales, shop · local/);
  const seen = () => words.evaluate((e) => getComputedStyle(e).opacity);
  assert.equal(await seen(), "0");
  await mark(page, first).hover();
  assert.equal(await seen(), "1");
  await page.mouse.move(0, 0);
  assert.equal(await seen(), "0");
  await page.locator(".chart-box").first().focus();
  const reached = () => mark(page, first).evaluate((e) => e === document.activeElement);
  for (let presses = 0; presses < 50 && !(await reached()); presses++) await page.keyboard.press("Tab");
  assert.ok(await reached(), "fifty presses of Tab from the chart do not reach its note");
  assert.equal(await seen(), "1");
  assert.deepEqual(await violations(page), []);

  await page.keyboard.press("Enter");
  const change = page.getByRole("dialog", { name: "Change the note" });
  await change.getByLabel("Title").fill(second);
  const { body: before } = await api(page, "/annotations?from=now-1h");
  const mine = before.items.find((n) => n.title === first);
  await change.getByLabel("Until (for a range)").fill(await page.evaluate((ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 6e4).toISOString().slice(0, 19), mine.at_ms + 60_000));
  await page.keyboard.press("Enter");
  await change.waitFor({ state: "detached" });
  await mark(page, second).waitFor();
  const stands = (await api(page, `/annotations/${mine.id}`)).body;
  assert.deepEqual([stands.version, stands.title, stands.entity, stands.end_ms - Math.floor(stands.at_ms / 1000) * 1000], [2, second, "pay", 60_000]);

  await page.locator("article .menu summary").click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "SVG" }).click()]);
  assert.match(readFileSync(await file.path(), "utf8"), new RegExp(`>${second.slice(0, 20)}`));

  await mark(page, second).click();
  await change.getByRole("button", { name: "Delete" }).click();
  await mark(page, second).waitFor({ state: "detached" });
  assert.equal((await api(page, `/annotations/${mine.id}`)).status, 404);
}, ["404"]);

act("a note that somebody else changed meanwhile is not overwritten", "/explore", async (page) => {
  const title = `${unique} twice`;
  const made = (await api(page, "/annotations", { method: "POST", body: JSON.stringify({ at_ms: Date.now() - 6e5, title }) })).body;
  await opened(page);
  await mark(page, title).click();
  const form = page.getByRole("dialog");
  await api(page, `/annotations/${made.id}`, { method: "PATCH", headers: { "If-Match": '"1"' }, body: JSON.stringify({ text: "theirs" }) });
  await form.getByLabel("Text").fill("mine");
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByRole("alert").getByText("version 2").waitFor();
  assert.equal(await form.getByLabel("Text").inputValue(), "mine", "what was written is still there");
  await page.keyboard.press("Escape");
  await form.waitFor({ state: "detached" });
  assert.equal((await api(page, `/annotations/${made.id}`)).body.text, "theirs");
  await api(page, `/annotations/${made.id}`, { method: "DELETE", headers: { "If-Match": '"2"' } });
}, ["412"]);

act("dashboards show notes and changes on their time series", "/", async (page) => {
  const title = `${unique} board`;
  const id = `${unique}-notes`;
  const panel = { id: "p", type: "timeseries", title: "Latency", x: 0, y: 0, w: 12, h: 6, query: { metric: "latency_ms" } };
  await api(page, `/config/dashboard/${id}`, { method: "PUT", body: JSON.stringify({ title: id, panels: [panel], from: "now-1h" }) });
  const note = { at_ms: Date.now() - hour / 2, title, entity: "cart" };
  const made = (await api(page, "/annotations", { method: "POST", body: JSON.stringify(note) })).body;
  await page.goto(new URL(`/dashboards/${id}?lang=en&theme=light`, page.url()).href);
  await mark(page, title).waitFor();
  await mark(page, title).hover();
  await api(page, `/annotations/${made.id}`, { method: "DELETE", headers: { "If-Match": '"1"' } });
});

act("whoever may only read sees the words and no form", "/explore", async (page) => {
  const title = `${unique} read`;
  const made = (await api(page, "/annotations", { method: "POST", body: JSON.stringify({ at_ms: Date.now() - 6e5, title }) })).body;
  await page.route("**/api/v1/me", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), role: "viewer" } });
  });
  await opened(page);
  await mark(page, title).click();
  await page.locator("article .menu summary").click();
  await page.getByRole("button", { name: "SVG" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Write a note" }).count(), 0);
  assert.equal(await page.getByRole("dialog").count(), 0);
  await api(page, `/annotations/${made.id}`, { method: "DELETE", headers: { "If-Match": '"1"' } });
});

/** Notes at one moment, far from what happens at the end of the range. */
const three = async (page, word) => {
  const at_ms = Date.now() - hour / 2;
  const titles = ["one", "two", "three"].map((n) => `${unique} ${word} ${n}`);
  const ids = [];
  for (const title of titles) ids.push((await api(page, "/annotations", { method: "POST", body: JSON.stringify({ at_ms, title }) })).body.id);
  return { titles, ids };
};

act("notes that share a mark are counted on it, and each is changed and deleted, by keys too", "/explore", async (page) => {
  const { titles, ids } = await three(page, "shared");
  await opened(page);
  const shared = mark(page, titles[0]);
  assert.equal(await shared.count(), 1);
  for (const title of titles) assert.match(await shared.textContent(), new RegExp(title));
  assert.ok(Number.parseInt(await shared.textContent(), 10) >= 3, "the mark shows how many it has");

  await shared.focus();
  await page.keyboard.press("Enter");
  const list = page.getByRole("dialog", { name: "Notes and events here" });
  await list.waitFor();
  assert.deepEqual(await violations(page), []);
  const change = list.getByRole("button", { name: `Change the note: ${titles[1]}` });
  for (let presses = 0; presses < 20 && !(await change.evaluate((e) => e === document.activeElement)); presses++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const form = page.getByRole("dialog", { name: "Change the note" });
  assert.equal(await form.getByLabel("Title").inputValue(), titles[1]);
  await form.getByLabel("Text").fill("the second of three");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  assert.equal((await api(page, `/annotations/${ids[1]}`)).body.text, "the second of three");

  await shared.getByText("the second of three").waitFor({ state: "attached" });
  await shared.click();
  for (const i of [2, 1, 0]) {
    await list.getByRole("button", { name: `Delete: ${titles[i]}` }).click();
    await list.getByText(titles[i]).waitFor({ state: "detached" });
  }
  for (const id of ids) assert.equal((await api(page, `/annotations/${id}`)).status, 404);
}, ["404"]);

test("on a phone the list of a mark opens at a touch, fits and is free of violations, in Japanese too", async () => {
  const { page, context, trouble } = await visit("/explore", { width: "phone", lang: "ja" });
  try {
    const { titles, ids } = await three(page, "phone");
    const { body } = await api(page, "/series?metric=latency_ms&service=pay");
    await page.goto(new URL(`/explore?from=now-1h&series=${body.items[0].id}&lang=ja`, page.url()).href);
    await settled(page);
    const boxes = await page.locator(".note-mark").evaluateAll((all) => all.map((e) => e.getBoundingClientRect().x));
    for (const [i, x] of boxes.entries()) assert.ok(i === 0 || x - boxes[i - 1] >= 18, `marks at ${boxes}: two lie on one another`);
    await mark(page, titles[0]).tap();
    const list = page.getByRole("dialog", { name: "ここにあるメモと出来事" });
    await list.getByRole("button", { name: `削除: ${titles[2]}` }).tap();
    await list.getByText(titles[2]).waitFor({ state: "detached" });
    assert.deepEqual(await violations(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the phone");
    for (const id of ids.slice(0, 2)) await api(page, `/annotations/${id}`, { method: "DELETE", headers: { "If-Match": '"1"' } });
    assert.deepEqual(trouble, []);
  } finally {
    await context.close();
  }
});
