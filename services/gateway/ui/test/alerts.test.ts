// Taking an alert on and giving it to somebody: what is sent for each.
import { h, render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Acknowledge } from "../src/pages/alerts/AlertLine";

const sent: unknown[] = [];
const stage = document.createElement("div");

beforeEach(() => {
  sent.length = 0;
  document.body.append(stage);
  vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => {
    sent.push(JSON.parse(`${init.body}`));
    return new Response("{}", { status: 202, headers: { "Content-Type": "application/json" } });
  });
});
afterEach(() => {
  render(null, stage);
  vi.unstubAllGlobals();
});

test("the button takes it on, the name gives it to somebody", () => {
  render(h(Acknowledge, { target: "alert-1", word: "alerts.acknowledge" }), stage);
  stage.querySelector("button")?.click();
  const who = stage.querySelector("input") as HTMLInputElement;
  expect(who.required && !new RegExp(`^(?:${who.pattern})$`, "v").test("  ")).toBe(true);
  who.value = "Mika Sato";
  stage.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
  expect(sent).toEqual([
    { target: "alert-1", verdict: "acknowledge", note: "" },
    { target: "alert-1", verdict: "acknowledge", note: "assign:Mika Sato" },
  ]);
});

test("what somebody has taken on can only be handed on", () => {
  render(h(Acknowledge, { target: "alert-1", word: "" }), stage);
  expect(stage.querySelector("button")).toBeNull();
  expect(stage.querySelector("form input")).not.toBeNull();
});
