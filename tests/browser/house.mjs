// What every browser test needs: one browser, a signed-in page of a given look, and the address of the running gateway.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch } from "./chromium.mjs";

const base = process.env.KIZASHI_TEST_URL;
if (!base) throw new Error("KIZASHI_TEST_URL names the running gateway; tests/browser/test_screens.py starts one and sets it");

/** Widths of a desk and of a phone, CSS pixels. */
export const widths = { desk: 1440, phone: 390 };
export const looks = ["light", "dark"].flatMap((theme) => ["en", "ja"].flatMap((lang) => Object.keys(widths).map((width) => ({ theme, lang, width }))));

/** Longest wait for anything on a page. */
const mostWaitMs = 15_000;

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Page → its requests without an answer yet. */
const waiting = new WeakMap();
let browser;
let signingIn;

export async function open() {
  browser ??= await launch();
  return browser;
}

export async function close() {
  await browser?.close();
  browser = undefined;
}

/** The one-time link opens the session once; every later context gets its cookies. */
const session = () => (signingIn ??= signIn());

/** Redeems the link; fails here when it does not sign in, since a page that is signed out shows nothing of what tests wait for. */
async function signIn() {
  const link = process.env.KIZASHI_TEST_LOGIN;
  assert.ok(link, "KIZASHI_TEST_LOGIN names a fresh link of `kizashi token login`");
  const context = await (await open()).newContext();
  try {
    const page = await context.newPage();
    const answer = await page.goto(link);
    const cookies = await context.cookies();
    const signedIn = answer.status() === 200 && cookies.some((cookie) => cookie.name === "kizashi");
    const said = signedIn ? "" : (await page.locator("body").innerText()).slice(0, 200);
    assert.ok(signedIn, `the login link did not sign in: ${answer.status()} at ${new URL(page.url()).pathname}, ${cookies.length} cookies: ${said}`);
    return cookies;
  } finally {
    await context.close();
  }
}

/** A page at an address in a look; problems of the page itself land in `trouble`. */
export async function visit(address, { theme = "light", lang = "en", width = "desk", signedIn = true } = {}) {
  const context = await (await open()).newContext({
    viewport: { width: widths[width], height: width === "phone" ? 844 : 900 },
    locale: lang === "ja" ? "ja-JP" : "en-US",
    timezoneId: "Asia/Tokyo",
    reducedMotion: "reduce",
    hasTouch: width === "phone",
  });
  context.setDefaultTimeout(mostWaitMs);
  if (signedIn) await context.addCookies(await session());
  const page = await context.newPage();
  const trouble = [];
  page.on("crash", () => trouble.push("the browser's process of this page ended"));
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && trouble.push(`console: ${message.text()}`));
  const unanswered = new Set();
  page.on("request", (request) => unanswered.add(request));
  for (const ended of ["requestfinished", "requestfailed"]) page.on(ended, (request) => unanswered.delete(request));
  waiting.set(page, unanswered);
  page.on("request", (request) => {
    if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) trouble.push(`left the house: ${request.url()}`);
  });
  const mark = address.includes("?") ? "&" : "?";
  await told(page, async () => {
    await page.goto(`${base}${address}${mark}theme=${theme}&lang=${lang}`);
    await page.waitForSelector("h1");
  });
  return { page, context, trouble };
}

/** What a page that keeps a test waiting is itself waiting for: frames of the browser, answers of the gateway, or neither. */
async function state(page) {
  const asked = [...(waiting.get(page) ?? [])].map((request) => request.url());
  const seen = page.evaluate(async () => {
    const within = (work) => Promise.race([work.then(() => "yes"), new Promise((done) => setTimeout(() => done("no"), 3000))]);
    const frames = await within(new Promise((done) => requestAnimationFrame(done)));
    const watched = await within(new Promise((done) => new IntersectionObserver(done).observe(document.body)));
    const answer = await within(fetch("/api/v1/me").then((r) => r.text()));
    return { frames, watched, answer, hidden: document.hidden, address: location.href, main: document.querySelector("main")?.innerText.slice(0, 400) };
  });
  const silent = new Promise((done) => setTimeout(() => done("the page runs no script"), 12_000));
  return JSON.stringify({ unanswered: asked, page: await Promise.race([seen.catch((error) => error.message), silent]) });
}

/** Waits until the page has stopped loading: no placeholder left, and no panel in view that has not begun. */
export const settled = (page) =>
  told(page, async () => {
    await page.waitForFunction(() => {
      const inView = (cell) => cell.getBoundingClientRect().top < innerHeight;
      const waiting = [...document.querySelectorAll(".cell-body:empty")].some(inView);
      return document.querySelector("main")?.childElementCount && !waiting && !document.querySelector(".loading");
    });
    await page.evaluate(() => document.fonts.ready);
  });

/** Violations of WCAG 2.1 A and AA, as readable lines. */
export async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }),
  );
  return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} ${n.failureSummary?.split("\n")[1] ?? ""}`));
}

/** Runs; a failure is told with the state of the page. */
async function told(page, run) {
  try {
    await run();
  } catch (error) {
    if (!error.told) error.stack += `\n${await state(page)}`; // the stack is what Node's reporter prints
    error.told = true;
    throw error;
  }
}

/** Runs with a page of its own and always closes it; trouble on the page fails the test. */
export function act(name, address, run, provoked = []) {
  test(name, async () => {
    const { page, context, trouble } = await visit(address);
    try {
      await settled(page);
      await told(page, () => run(page, context));
      // The browser logs every refusal; those that a test provokes on purpose are part of it.
      assert.deepEqual(trouble.filter((line) => !provoked.some((status) => line.includes(status))), []);
    } finally {
      await context.close();
    }
  });
}

/** A request with the session of a page. */
export const api = (page, path, init) =>
  page.evaluate(
    async ([p, i]) => {
      const me = await (await fetch("/api/v1/me")).json();
      const answer = await fetch(`/api/v1${p}`, { ...i, headers: { "X-CSRF-Token": me.csrf, "Content-Type": "application/json", ...i?.headers } });
      const text = await answer.text();
      return { status: answer.status, body: text ? JSON.parse(text) : null };
    },
    [path, init ?? {}],
  );

/** Names of one run. */
export const unique = `t${Date.now().toString(36)}`;
