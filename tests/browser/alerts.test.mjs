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
  assert.equal(await page.locator(".shift.hole").count(), 1);
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
