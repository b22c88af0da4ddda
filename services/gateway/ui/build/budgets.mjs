// Measures what a browser loads, compressed, and fails when a budget is broken. Fonts and pictures are listed apart.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));
const gz = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

/** Files of a chunk with all that it imports statically: code and style. */
function closure(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk || seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const css of chunk.css ?? []) seen.add(css);
  for (const next of chunk.imports ?? []) closure(next, seen);
  return seen;
}

// Chunks that are cut wrongly can lack what they say they export; a browser would find that out on the page.
for (const file of readdirSync(join(dist, "assets")).filter((f) => f.endsWith(".js")))
  execFileSync(process.execPath, ["--check", join(dist, "assets", file)], { stdio: ["ignore", "ignore", "inherit"] });

const sum = (files) => [...files].reduce((a, f) => a + gz(f), 0);
const scripts = (files) => [...files].filter((f) => /\.(js|json)$/.test(f));
const wordsHome = `assets/words/${readdirSync(join(dist, "assets/words"))[0]}`;
const words = (part) => `${wordsHome}/en/${part}.json`;
const together = (parts, ...keys) => {
  const files = new Set(parts.map(words));
  for (const key of keys) {
    if (!manifest[key]) throw new Error(`${key} is not in the build: budgets.mjs needs an update`);
    closure(key, files);
  }
  return files;
};

const shell = together(["shell"], "index.html");
// What a dashboard with time series asks for until its first chart is drawn.
const first = together(
  ["shell", "parts", "dashboards"],
  "index.html",
  "src/pages/dashboards/Dashboards.tsx",
  // The panel itself is in there.
  Object.keys(manifest).find((key) => /^_charts-.*\.js$/.test(key)),
);

const assets = readdirSync(join(dist, "assets"), { recursive: true }).map((f) => `assets/${f}`);
const isJapanese = (file) =>
  file.includes("/ja/") || manifest[".fonts/ja.css"]?.file === file || /\/ja-\w+\.css$/.test(file);
const isChartJs = (file) => /chartjs-/i.test(file);
const code = assets.filter((f) => /\.(js|json|css)$/.test(f) && !isChartJs(f));
const oneLanguage = code.filter((f) => !isJapanese(f));

const kb = (n) => `${(n / 1024).toFixed(1)} KB`;
const budgets = [
  ["shell", shell, 15],
  ["first dashboard", first, 45],
  ["all pages, one language", oneLanguage, 90],
];
let broken = false;
console.log("                                 script   limit   with style");
for (const [name, files, limit] of budgets) {
  const size = sum(scripts(files));
  const ok = size <= limit * 1024;
  broken ||= !ok;
  console.log(
    `${ok ? "ok    " : "BROKEN"} ${name.padEnd(25)} ${kb(size).padStart(8)} ${String(limit).padStart(4)} KB ${kb(sum(files)).padStart(11)}`,
  );
}
console.log(
  `       both languages             ${kb(sum(scripts(code))).padStart(8)}         ${kb(sum(code)).padStart(11)}`,
);
console.log(
  `       Chart.js, on demand        ${kb(sum(assets.filter((f) => isChartJs(f) && f.endsWith(".js")))).padStart(8)}`,
);
for (const font of assets.filter((f) => f.endsWith(".woff2")))
  console.log(`       ${font.slice(7).padEnd(26)} ${kb(readFileSync(join(dist, font)).length).padStart(8)}`);
if (process.argv.includes("--files")) for (const f of first) console.log(String(gz(f)).padStart(7), f);
process.exit(broken ? 1 : 0);
