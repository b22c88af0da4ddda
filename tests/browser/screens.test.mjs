// Every page in both themes, both languages and two widths: it loads, says nothing wrong, fits its width, passes axe, is pictured.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { close, looks, settled, violations, visit, widths } from "./house.mjs";

const pages = (process.env.KIZASHI_TEST_PAGES ?? "/ /explore?changed=1 /episodes /incidents /forecast /alerts /alerts?view=rules /alerts?view=oncall /dashboards /dashboards/ready-service /health /queries /connect").split(" ");
const pictures = process.env.KIZASHI_TEST_PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });

after(close);

for (const address of pages) {
  for (const look of looks) {
    test(`${address} ${look.theme} ${look.lang} ${look.width}`, async () => {
      const { page, context, trouble } = await visit(address, look);
      try {
        await settled(page);
        if (pictures) {
          const name = `${address.slice(1).replace(/\W+/g, "-") || "overview"}-${look.theme}-${look.lang}-${look.width}.png`;
          await page.screenshot({ path: join(pictures, name), fullPage: true });
        }
        assert.deepEqual(trouble, []);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= widths[look.width], `the page is ${wide} px wide`);
        const bare = await page.evaluate(() => {
          const words = document.body.cloneNode(true);
          // Names of queries look like keys and are none.
          for (const other of words.querySelectorAll("code, pre, .query-open")) other.remove();
          return words.textContent.match(/\b(shell|parts|overview|explore|episodes|incidents|forecast|alerts|health|connect|dashboards|editing|queries|login)\.[a-z_]+\b/g);
        });
        assert.deepEqual(bare, null, "a catalogue key instead of a sentence");
        assert.equal(await page.evaluate(() => document.documentElement.lang), look.lang);
        assert.deepEqual(await violations(page), []);
      } finally {
        await context.close();
      }
    });
  }
}

for (const look of looks) {
  test(`login ${look.theme} ${look.lang} ${look.width}`, async () => {
    const { page, context, trouble } = await visit("/", { ...look, signedIn: false });
    try {
      await page.waitForSelector("form");
      // The question who one is answers 401 before the login: the browser logs that, rightly.
      assert.deepEqual(trouble.filter((line) => !line.includes("401")), []);
      if (pictures) await page.screenshot({ path: join(pictures, `login-${look.theme}-${look.lang}-${look.width}.png`) });
      assert.deepEqual(await violations(page), []);
    } finally {
      await context.close();
    }
  });
}
