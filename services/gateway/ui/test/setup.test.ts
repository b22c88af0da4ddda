// The set-up of alerting: forms whose lists can be added to, ordered and cut, and that lose nothing a person wrote.
import { h, render } from "preact";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Form } from "../src/pages/alerts/setup/Form";
import { peopleOf } from "../src/pages/alerts/setup/Known";
import { type Body, changed, kinds, put } from "../src/pages/alerts/setup/kinds";
import { midnight, within } from "../src/pages/alerts/setup/OnCall";
import { labelsOf, way } from "../src/pages/alerts/setup/Told";

const stage = document.createElement("div");
let body: Body;

function draw(kind: string): void {
  const table = kinds[kind];
  if (!table) throw new Error(kind);
  const change = (next: Body): void => {
    body = next;
    render(h(Form, { kind: table, body, change }), stage);
  };
  change(body);
}

const all = <T extends HTMLElement>(what: string): T[] => [...stage.querySelectorAll<T>(what)];
const labelled = (label: string): HTMLInputElement =>
  all<HTMLInputElement>("input").find(
    (i) => i.getAttribute("aria-label") === label || i.closest("label")?.textContent === label,
  ) as HTMLInputElement;
function write(box: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  box.value = text;
  for (const event of ["input", "change"]) box.dispatchEvent(new Event(event, { bubbles: true }));
}
/** Words are keys here: no catalogue is loaded. */
const press = (name: string, n = 0): void =>
  all("button")
    .filter((b) => (b.getAttribute("aria-label") ?? b.textContent) === name)
    [n]?.click();
const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

beforeEach(() => document.body.append(stage));
afterEach(() => render(null, stage));

describe("a schedule in a form", () => {
  beforeEach(() => {
    body = {
      time_zone: "Asia/Tokyo",
      rotations: [{ people: ["aiko", "ben"], start: "2026-03-02T10:00", every_days: 7 }],
      overrides: [],
      own: 1,
    };
    draw("schedule");
  });
  const people = (): unknown => (body["rotations"] as Body[])[0]?.["people"];

  test("people are added, moved up and removed, and what the form does not know stays", async () => {
    press("+ alerts.f_people");
    await settled();
    expect(people()).toEqual(["aiko", "ben", ""]);
    expect(document.activeElement).toBe(labelled("alerts.f_people 3"));
    write(labelled("alerts.f_people 3"), "ken");
    press("alerts.up", 1);
    expect(people()).toEqual(["aiko", "ken", "ben"]);
    press("alerts.remove", 0);
    expect(people()).toEqual(["ken", "ben"]);
    expect(body["own"]).toBe(1);
  });

  test("somebody takes over for a while; a new entry opens, and an emptied field is left out", async () => {
    press("+ alerts.f_overrides");
    await settled();
    const made = all<HTMLDetailsElement>("details").find((d) => d.querySelector("[list=known-person]") && d.open);
    expect(made).toBeTruthy();
    write(labelled("alerts.f_person"), "ken");
    write(labelled("alerts.f_starts_ms"), "2026-03-06T18:00");
    write(labelled("alerts.f_ends_ms"), "2026-03-09T09:00");
    write(labelled("alerts.f_reason"), "x");
    write(labelled("alerts.f_reason"), "");
    expect(body["overrides"]).toEqual([{ person: "ken", from: "2026-03-06T18:00", to: "2026-03-09T09:00" }]);
  });

  test("what is no number is kept for the server to refuse; a number is one", () => {
    write(labelled("alerts.f_every_days"), "a week");
    expect((body["rotations"] as Body[])[0]?.["every_days"]).toBe("a week");
    expect(labelled("alerts.f_every_days").value).toBe("a week");
    const days = labelled("alerts.f_every_days");
    for (const [text, kept] of [
      ["1.", "1."],
      ["1.5", 1.5],
      ["1e", "1e"],
      ["", undefined],
    ] as const) {
      days.value = text;
      days.dispatchEvent(new Event("input", { bubbles: true }));
      expect((body["rotations"] as Body[])[0]?.["every_days"]).toBe(kept);
    }
    write(labelled("alerts.f_every_days"), "14");
    expect((body["rotations"] as Body[])[0]?.["every_days"]).toBe(14);
  });

  test("the JSON beside follows the fields; what is none keeps the form from being sent and does not reach the object", async () => {
    const box = all<HTMLDetailsElement>("details").at(-1) as HTMLDetailsElement;
    box.open = true;
    box.dispatchEvent(new Event("toggle"));
    await settled();
    await settled();
    const json = all<HTMLTextAreaElement>("textarea").at(-1) as HTMLTextAreaElement;
    write(labelled("alerts.f_title"), "Shop");
    await vi.waitFor(() => expect(JSON.parse(json.value).title).toBe("Shop"));
    const before = body;
    for (const nonsense of ["{", "[1]", "null", "7"]) {
      write(json, nonsense);
      await settled();
      expect(body).toBe(before);
      expect(json.validationMessage).not.toBe("");
      expect(stage.querySelector("[role=alert]")?.textContent).not.toBe("");
    }
    write(json, '{"time_zone":"UTC","rotations":[]}');
    await settled();
    expect(body).toEqual({ time_zone: "UTC", rotations: [] });
    expect(json.validationMessage).toBe("");
  });
});

test("a tree: branches of branches are written, ordered and cut; the last one leaves nothing behind", async () => {
  body = { channels: ["topic"], routes: [{ match: ["team=shop"], routes: [{ match: ["severity=critical"] }] }] };
  draw("route");
  const under = (): Body[] => ((body["routes"] as Body[])[0]?.["routes"] as Body[] | undefined) ?? [];
  expect(all("summary").map((s) => s.textContent)).toContain("severity=critical › …");
  press("alerts.remove", all("button").filter((b) => b.getAttribute("aria-label") === "alerts.remove").length - 1);
  await settled();
  expect(body).toEqual({ channels: ["topic"], routes: [{ match: ["team=shop"] }] });
  expect(under()).toEqual([]);
});

test("lines that are being written stay through a new drawing, and reach the object at once without their blank ones", async () => {
  body = { source: ["a=1"], target: [] };
  draw("inhibition");
  const [source] = all<HTMLTextAreaElement>("textarea");
  if (!source) throw new Error("no field");
  source.value = "a=1\n\nb=2\n";
  source.dispatchEvent(new Event("input", { bubbles: true }));
  expect(body["source"]).toEqual(["a=1", "b=2"]);
  draw("inhibition");
  await settled();
  expect(source.value).toBe("a=1\n\nb=2\n");
  write(source, " \n");
  expect(body).toEqual({ target: [] });
});

test("group by: emptied, the parent's labels count again; nothing is put into one group by mistake", () => {
  expect(changed(kinds["route"] as never, { group_by: ["a"] }, "group_by", null)).toEqual({});
  expect(put({ a: 1 }, "a", Number.NaN)).toEqual({});
});

test("the way to a branch is told in its matchers", () => {
  const tree = { routes: [{ match: ["a=1"] }, { match: ["b=1", "c=2"], routes: [{ match: ["d=1"] }] }] };
  expect(way(tree, "root/1/0")).toEqual(["b=1 c=2", "d=1"]);
  expect(way(tree, "root")).toEqual([]);
  expect(way(tree, "root/7/7")).toEqual(["", ""]);
});

test("labels are lines; the first that is none is said", () => {
  expect(labelsOf(' service = "web" \nurl=http://x/?a=b\n\n')).toEqual({
    labels: { service: "web", url: "http://x/?a=b" },
  });
  expect(labelsOf("service=web\nnonsense\n=x").wrong).toBe("nonsense");
});

test("people are those of turns, of stand-ins and of channels, once each; nonsense in them is left out", () => {
  const schedules = [
    { rotations: [{ people: ["b", "a", 7] }, { people: "x" }], overrides: [{ person: "c" }, {}] },
    { rotations: 3 },
  ];
  expect(peopleOf(schedules, [{ people: { a: "a@x", d: "d@x" } }, {}], "me")).toEqual(["a", "b", "c", "d", "me"]);
});

test("a week holds the parts of shifts that lie in it", () => {
  const shifts = [
    { from_ms: 0, to_ms: 10, person: "a" },
    { from_ms: 10, to_ms: 20, person: "b" },
  ];
  expect(within(shifts, 5, 10)).toEqual([{ from_ms: 5, to_ms: 10, person: "a" }]);
  expect(within(shifts, 9, 11).map((s) => s.person)).toEqual(["a", "b"]);
  const at = new Date(2026, 2, 5, 17, 30).getTime();
  expect(new Date(midnight(at, 7)).toString()).toBe(new Date(2026, 2, 12).toString());
});
