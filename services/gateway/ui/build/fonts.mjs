// Cuts the two weights of IBM Plex Sans JP (OFL) down to the characters that the client itself shows: a core file (Latin and
// the glyphs of the navigation, always loaded) and one for the Japanese catalogue (loaded when its characters are on the page).
// People's own text in other characters falls back to the system's fonts.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import subsetFont from "subset-font";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, ".fonts");
const source = join(root, "node_modules/@fontsource/ibm-plex-sans-jp/files");
const weights = [400, 600];

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i)).join("");
const latin = `${range(0x20, 0x7e)}${range(0xa0, 0xff)}–—‘’“”‹›…•·×−±↑↓µ`;

/** The one-character marks of the navigation, read from the file that defines them, and the words that every language sees. */
function glyphs() {
  const text = readFileSync(join(root, "src/shell/places.ts"), "utf8");
  const marks = [...text.matchAll(/"(\p{Script=Han})"/gu)].map((m) => m[1]).join("");
  return [...new Set(`${marks}兆し日本語で表示`)].join("");
}

/** What Intl writes in Japanese: weekdays, months, halves of the day, spans of time. No catalogue holds these. */
function spoken() {
  const styles = ["long", "short", "narrow"];
  const days = Array.from({ length: 366 }, (_, i) => new Date(Date.UTC(2024, 0, 1 + i, i % 24)));
  const dates = styles.flatMap((weekday) =>
    days.map((day) =>
      day.toLocaleString("ja", {
        weekday,
        month: "long",
        day: "numeric",
        year: "numeric",
        hour: "numeric",
        hour12: true,
      }),
    ),
  );
  const since = new Intl.RelativeTimeFormat("ja", { numeric: "auto" });
  const spans = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"].flatMap((unit) =>
    [-2, -1, 0, 1, 2]
      .map((n) => since.format(n, unit))
      .concat(
        styles.map((unitDisplay) =>
          unit === "quarter" ? "" : (2).toLocaleString("ja", { style: "unit", unit, unitDisplay }),
        ),
      ),
  );
  return [...dates, ...spans].join("");
}

/** Every character of the Japanese catalogue, and of Intl's Japanese, that the core file does not hold. */
function japanese(core) {
  const folder = join(root, "src/i18n/ja");
  const text = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => Object.values(JSON.parse(readFileSync(join(folder, name), "utf8"))).join(""))
    .join("");
  return [...new Set(`${text}${range(0x3041, 0x3096)}${range(0x30a1, 0x30fa)}、。「」・ー々${spoken()}`)]
    .filter((c) => !core.includes(c))
    .sort()
    .join("");
}

const ranges = (text) => [...text].map((c) => `U+${c.codePointAt(0).toString(16)}`).join(",");

function face(name, weight, unicode) {
  return `@font-face{font-family:"Kizashi Sans";font-weight:${weight};font-display:swap;src:url("./${name}-${weight}.woff2") format("woff2");unicode-range:${unicode}}`;
}

mkdirSync(out, { recursive: true });
const core = [...new Set(latin + glyphs())].join("");
const ja = japanese(core);
let total = 0;
for (const [name, text] of [
  ["core", core],
  ["ja", ja],
]) {
  for (const weight of weights) {
    const font = readFileSync(join(source, `ibm-plex-sans-jp-japanese-${weight}-normal.woff2`));
    const cut = await subsetFont(font, text, { targetFormat: "woff2" });
    writeFileSync(join(out, `${name}-${weight}.woff2`), cut);
    total += cut.length;
    console.log(`fonts: ${name}-${weight} ${[...text].length} characters ${(cut.length / 1024).toFixed(1)} KB`);
  }
}
const coreRange = `U+20-7E,U+A0-FF,U+2010-203A,U+2191,U+2193,U+2212,${ranges(glyphs())}`;
writeFileSync(join(out, "core.css"), weights.map((w) => face("core", w, coreRange)).join("\n"));
writeFileSync(join(out, "ja.css"), weights.map((w) => face("ja", w, ranges(ja))).join("\n"));
console.log(`fonts: ${(total / 1024).toFixed(1)} KB in all`);
