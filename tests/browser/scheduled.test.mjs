// Queries on a schedule: made, refused with the reason, seen with what the last turn gave, changed and deleted.
import assert from "node:assert/strict";
import { after } from "node:test";
import { act, api, close, unique, violations } from "./house.mjs";

after(close);

act("a query is put on a schedule, its outcome is seen, and it goes again", "/queries", async (page) => {
  const id = `${unique}-q`;
  const part = page.locator("section.panel", { has: page.getByRole("heading", { name: "On a schedule" }) });
  await part.getByRole("button", { name: "New query" }).click();
  await part.getByLabel("Name").fill(id);
  await part.getByLabel("Metric that it fills").fill(`${unique}.series`);
  await part.getByLabel("Every … seconds").fill("10");
  const sql = part.getByLabel("One SELECT");
  await sql.fill("DROP TABLE samples");
  await part.getByRole("button", { name: "Save" }).click();
  await part.getByRole("alert").getByText("one SELECT is allowed").waitFor();
  assert.deepEqual(await violations(page), []);
  await sql.fill("SELECT toString(metric) AS m, count() AS n FROM v_current GROUP BY m");
  await part.getByRole("button", { name: "Save" }).click();
  const line = part.locator("li", { hasText: id });
  await line.waitFor();
  await line.getByText(/published, \d+ samples/).waitFor({ timeout: 45_000 });

  await line.getByRole("button", { name: id }).click();
  await sql.fill("SELECT count() AS n, count() AS m FROM v_current");
  await part.getByRole("button", { name: "Save" }).click();
  await line.locator(".problem", { hasText: "2 columns of numbers" }).waitFor({ timeout: 45_000 });
  await line.getByRole("button", { name: id }).click();
  await part.getByRole("button", { name: "Delete" }).click();
  await line.waitFor({ state: "detached" });
  assert.equal((await api(page, `/config/query/${id}`)).status, 404);
}, ["400", "404"]);
