// What on-call does: see what fires, take it on, silence it, change a rule and see what it would have done, test a channel, look who is on call.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { act, api, close, settled, unique, violations, visit } from "./house.mjs";
import * as made from "./made.mjs";

after(close);

const all = {
  "/alerts": () => made.alerts(),
  "/alerts/rules": made.rules,
  "/alerts/oncall": () => made.onCall(),
  "/deliveries": () => made.deliveries(),
};

/** As `act`, on a page that is answered from `made`. */
function actOn(name, address, run, by = all, provoked = []) {
  act(name, "/connect", async (page, context) => {
    await made.answers(page, by);
    await page.goto(page.url().replace(/\/connect.*/, address));
    await settled(page);
    await run(page, context);
  }, provoked);
}

/** An open form, at both widths: axe finds nothing, and nothing lies beside the screen. */
async function fitsAPhone(page) {
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await page.evaluate(() => document.querySelectorAll(".editor details").forEach((d) => (d.open = true)));
    assert.deepEqual(await violations(page), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  }
}

actOn("alerts are told in groups, with what held one back; taking the group on sends the group", "/alerts", async (page) => {
  const group = page.getByRole("region", { name: "payments affects checkout, web" });
  await group.getByText("2 alerts told as one").waitFor();
  await group.getByText("Not paged: held back by a larger alert").waitFor();
  assert.equal(await page.locator(".group").count(), 3);
  await group.locator("summary").first().click();
  await group.getByText("payments 2.0.0 rolled out 12 s before").waitFor();
  const [sent] = await Promise.all([page.waitForRequest("**/api/v1/feedback"), group.getByRole("button", { name: "Acknowledge these" }).click()]);
  assert.equal(sent.postDataJSON().target, "g1");
  assert.equal(sent.postDataJSON().verdict, "acknowledge");
  await page.getByRole("button", { name: /^acknowledged 1/ }).click();
  assert.equal(await page.locator(".group").count(), 1);
});

actOn("an alert leads to a silence with its labels, which hides what it says and ends when told", "/alerts", async (page) => {
  await page.getByRole("link", { name: "Silence these" }).click();
  const form = page.getByRole("region", { name: "Editor" });
  assert.equal(await form.getByLabel("Matchers").inputValue(), 'service="payments"\nteam="shop"');
  await made.answers(page, { "/alerts/silences/preview": () => ({ now: [{ id: "a", title: "payments affects checkout", severity: "critical", labels: {} }], last_week: [] }) });
  await form.getByRole("button", { name: "What would it hide?" }).click();
  await form.getByText("Now").waitFor();
  await form.getByLabel("Name").fill(`${unique}-quiet`);
  await form.getByRole("button", { name: "4 h" }).click();
  await form.getByLabel("Reason").fill("restart");
  await form.getByRole("button", { name: "Save" }).click();
  const entry = page.locator(".object", { hasText: `${unique}-quiet` });
  await entry.getByText(/ends in (4 h|3 h 59 min)/).waitFor();
  await entry.getByRole("button").click();
  await page.getByRole("button", { name: "End it now" }).click();
  await entry.waitFor({ state: "detached" });
});

actOn("a rule: what comes with the house, the problem of a refused one; changed, replayed, tuned, saved, taken back", "/alerts?view=rules", async (page) => {
  await page.locator(".object", { hasText: "odd-one" }).getByText("must not be beyond").waitFor();
  await made.answers(page, { "/alerts/replay": () => made.replay(), "/alerts/tuning": made.tuning, "/alerts/check": () => ({ ok: false, problem: "no - at `$.above`" }) });
  await page.locator(".object", { hasText: "disk-full" }).getByRole("button").click();
  const form = page.getByRole("region", { name: "Editor" });
  assert.equal(await form.getByLabel("Fires above").inputValue(), "0.95");
  await form.getByLabel("Fires above").fill("0.97");
  await form.getByRole("button", { name: "Check" }).click();
  await form.getByText("no - at `$.above`").waitFor();
  const [asked] = await Promise.all([page.waitForRequest("**/alerts/replay"), form.getByRole("button", { name: "Last 7 days" }).click()]);
  assert.equal(asked.postDataJSON().config.rules["disk-full"].above, 0.97);
  await form.getByRole("row", { name: /Pages 9 .*4/ }).waitFor();
  await form.getByText("Would be gone").waitFor();
  await form.getByRole("button", { name: "Tuning curve" }).click();
  await form.getByText("Suggested: above 0.9").waitFor();
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  const kept = await api(page, "/config/rule/disk-full");
  assert.equal(kept.body.body.above, 0.97);
  assert.equal(kept.body.body.clear, 0.92, "what the form did not touch is as it was");
  await page.locator(".object", { hasText: "disk-full" }).getByRole("button").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.locator(".object", { hasText: "disk-full" }).getByText("comes with the house").waitFor();
});

actOn("why a rule did not fire is asked for a series and a time, and the gates are listed", "/alerts?view=rules", async (page) => {
  await made.answers(page, { "/alerts/why-not": () => ({ verdict: "held back", fired: false, gates: [{ gate: "score", passed: true, text: "1.4 is above 1" }, { gate: "silence", passed: false, text: "deploy until 14:00" }] }) });
  await page.locator(".object", { hasText: "incident" }).first().getByRole("button").click();
  const box = page.getByRole("region", { name: "Why did it not fire?" });
  await box.getByRole("searchbox").fill("cpu");
  await box.getByRole("button", { name: /cpu/ }).first().click();
  await box.getByText("deploy until 14:00").waitFor();
});

actOn("who is on call is a week with its holes; a channel is tested with the settings in the form", "/alerts?view=oncall", async (page) => {
  await page.getByText("mika now").waitFor();
  const weeks = page.locator(".week:not(.days)");
  assert.equal(await weeks.count(), 2, "this week and the next");
  assert.ok((await weeks.locator(".hole").count()) >= 1);
  await page.getByText("times of Asia/Tokyo").waitFor();
  await page.getByRole("link", { name: "Channels" }).click();
  await made.answers(page, { "/alerts/channels/test": () => ({ state: "failed", text: "the host is not allowed" }) });
  const section = page.locator(".objects", { hasText: "secrets are names of files" });
  await section.getByRole("button", { name: "New" }).click();
  const form = page.getByRole("region", { name: "Editor" });
  await form.getByLabel("Type").selectOption("slack");
  assert.equal(await form.getByLabel("Address", { exact: true }).count(), 0, "Slack's address is a secret: only its file is named");
  await form.getByLabel("File with the address").fill("slack-url");
  await form.getByRole("button", { name: "Send a test" }).click();
  await form.getByText("the host is not allowed").waitFor();
});

actOn("a schedule is written in its form: who takes turns, who stands in; the turns are drawn before they are saved, nonsense is refused with its place", "/alerts?view=oncall", async (page) => {
  const section = page.locator(".objects", { hasText: "whose turn it is" });
  await section.getByRole("button", { name: "New" }).click();
  const form = page.getByRole("region", { name: "Editor" });
  await form.getByLabel("Name").fill(`${unique}-rota`);
  await form.getByLabel("Time zone").fill("Asia/Tokyo");
  await form.locator("summary").first().click();
  await form.getByLabel("People 1", { exact: true }).fill("aiko");
  // By keys alone: the new entry has the focus.
  await form.getByRole("button", { name: "+ People" }).press("Enter");
  await page.keyboard.type("ken");
  await page.keyboard.press("Tab");
  await form.getByRole("button", { name: "Move up: People 2" }).press("Enter");
  assert.equal(await form.getByLabel("People 1", { exact: true }).inputValue(), "ken");
  const drawn = form.getByRole("region", { name: "The turns as they stand here" });
  await drawn.locator(".shift", { hasText: "ken" }).first().waitFor();
  await form.getByRole("button", { name: "+ Overrides" }).click();
  await form.getByLabel("Who takes over").fill("mika");
  const day = (n) => new Date(Date.now() + n * 864e5).toISOString().slice(0, 10);
  await form.getByLabel("From", { exact: true }).fill(`${day(2)}T09:00`);
  await form.getByLabel("Until", { exact: true }).fill(`${day(1)}T18:00`);
  await form.getByLabel("Until", { exact: true }).press("Tab");
  await drawn.getByText("$.overrides[0].to").waitFor();
  await form.getByLabel("Until", { exact: true }).fill(`${day(4)}T18:00`);
  await form.getByLabel("Until", { exact: true }).press("Tab");
  await drawn.locator(".shift", { hasText: "mika" }).first().waitFor();
  await form.getByLabel("Days a turn").fill("a week");
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText(/every_days/).first().waitFor();
  assert.equal(await form.getByLabel("Days a turn").inputValue(), "a week", "what a person wrote stays");
  await form.getByLabel("Days a turn").fill("7");
  await fitsAPhone(page);
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  const kept = await api(page, `/config/schedule/${unique}-rota`);
  assert.deepEqual(kept.body.body.rotations[0].people, ["ken", "aiko"]);
  assert.equal(kept.body.body.overrides[0].person, "mika");
}, all, ["400"]);

actOn("the tree of routes is a list with branches; who would be told now is asked before it is saved", "/alerts?view=channels", async (page) => {
  const section = page.locator(".objects", { hasText: "which alert goes where" });
  await section.getByRole("button", { name: "New" }).click();
  const form = page.getByRole("region", { name: "Editor" });
  await form.getByRole("button", { name: "+ Branches" }).click();
  await form.getByLabel("Matchers, one a line").fill("team=shop");
  await form.getByLabel("Team").nth(1).fill("shop");
  await form.locator(".ordered .ordered").getByRole("button", { name: "+ Branches" }).last().click();
  await form.getByLabel("Matchers, one a line").nth(1).fill("severity=critical");
  await form.getByRole("button", { name: "+ Channels" }).last().click();
  await page.keyboard.type("pager-of-nobody");
  await page.keyboard.press("Tab");
  const told = form.getByRole("region", { name: "Who would be told now?" });
  await told.getByRole("textbox").fill("team=shop\nnonsense");
  await told.getByRole("button").click();
  await told.getByText("“nonsense” is no label").waitFor();
  await told.getByRole("textbox").fill("team=shop\nseverity=critical");
  await told.getByRole("button").click();
  await told.getByText("team=shop › severity=critical").waitFor();
  await told.getByText("Not there: channel pager-of-nobody").waitFor();
  await form.getByText("As JSON, with all settings").click();
  assert.equal(JSON.parse(await form.getByLabel("JSON").inputValue()).routes[0].routes[0].channels[0], "pager-of-nobody");
  await fitsAPhone(page);
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  assert.equal((await api(page, "/config/route/tree")).body.body.routes[0].match[0], "team=shop");
  await page.locator(".object", { hasText: "tree" }).getByRole("button").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.locator(".object", { hasText: "tree" }).waitFor({ state: "detached" });
});

actOn("an inhibition is written in its form by keys, refused with its place, kept, changed and deleted", "/alerts?view=silences", async (page) => {
  const section = page.locator(".objects", { hasText: "others that follow from it" });
  await section.getByRole("button", { name: "New" }).press("Enter");
  const form = page.getByRole("region", { name: "Editor" });
  // The form has the focus: name, source, target, labels and reason in the order of Tab.
  await page.waitForFunction(() => document.activeElement?.closest(".editor"));
  const id = `${unique}-rack`;
  for (const text of [id, "severity=critical", "", "host", "the host says it all"]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Tab");
  }
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText("$.target").waitFor();
  await form.getByLabel("these are held back").fill("severity=warning\nkind=~(");
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText(/kind=~/).last().waitFor();
  await form.getByLabel("these are held back").fill("severity=warning\nteam=shop");
  await fitsAPhone(page);
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  assert.deepEqual((await api(page, `/config/inhibition/${id}`)).body.body, {
    source: ["severity=critical"], target: ["severity=warning", "team=shop"], equal: ["host"], reason: "the host says it all",
  });
  const entry = page.locator(".object", { hasText: id });
  await entry.getByText("severity=critical › severity=warning, team=shop · host · the host says it all").waitFor();
  await entry.getByRole("button").click();
  await form.getByLabel("with the same values").fill("");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  assert.equal((await api(page, `/config/inhibition/${id}`)).body.body.equal, undefined, "an emptied field is left out");
  await entry.getByRole("button").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await entry.waitFor({ state: "detached" });
}, all, ["400"]);

actOn("the delivery log says what arrived, what is tried again and what the fallback took", "/alerts?view=log", async (page) => {
  await page.getByText("sent by the fallback").waitFor();
  await page.getByText("attempt 3").waitFor();
});

for (const theme of ["light", "dark"]) {
  for (const view of ["", "rules", "silences&match=service%3D%22pay%22", "oncall", "channels", "log"]) {
    test(`axe finds nothing on alerts ${view || "now"}, ${theme}, also on a phone`, async () => {
      for (const width of ["desk", "phone"]) {
        const { page, context } = await visit("/connect", { theme, width, lang: width === "phone" ? "ja" : "en" });
        try {
          await made.answers(page, all);
          await page.goto(page.url().replace(/\/connect/, "/alerts").replace("?", `?${view ? `view=${view}&` : ""}`));
          await settled(page);
          await page.evaluate(() => document.querySelectorAll("main details").forEach((d) => (d.open = true)));
          assert.deepEqual(await violations(page), []);
        } finally {
          await context.close();
        }
      }
    });
  }
}

test("an alert that begins to fire is said in the corner and counted in the title; one held back is not", async () => {
  const { page, context, trouble } = await visit("/connect");
  try {
    await page.routeWebSocket("**/api/v1/ws", (socket) => {
      socket.onMessage((text) => {
        const m = JSON.parse(text);
        if (m.topic !== "alerts") return;
        const [fires, held] = made.alerts().items;
        for (const item of [held, fires]) socket.send(JSON.stringify({ op: "finding", id: m.id, topic: "alerts", item }));
      });
    });
    await page.goto(page.url().replace(/\/connect.*/, "/health"));
    const toast = page.getByRole("status", { name: "New alerts" });
    await toast.getByText("payments affects checkout, web").waitFor();
    assert.equal(await toast.locator("p").count(), 1);
    await page.waitForFunction(() => /^\(\d+\)/.test(document.title));
    assert.deepEqual(await violations(page), []);
    await toast.getByRole("button", { name: "Close" }).click();
    assert.equal(await toast.locator("p").count(), 0);
    assert.deepEqual(trouble, []);
  } finally {
    await context.close();
  }
});
