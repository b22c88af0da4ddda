// Measures what a browser loads, compressed, and fails when a budget is broken. Fonts and pictures are listed apart.
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

const sum = (files) => [...files].reduce((a, f) => a + gz(f), 0);
const shell = closure("index.html");
for (const key of ["src/i18n/en/shell.json"]) closure(key, shell);

const first = new Set(shell);
const firstPages = [
  "src/pages/dashboards/Dashboards.tsx",
  "src/pages/dashboards/Board.tsx",
  "src/charts/TimeChart.tsx",
];
const dashboards = firstPages.filter((key) => manifest[key]);
for (const key of [...dashboards, "src/i18n/en/parts.json", "src/i18n/en/dashboards.json"]) closure(key, first);
// Until a dashboard page stands, Explore is the first page with a chart.
if (dashboards.length === 0)
  for (const key of ["src/pages/explore/Explore.tsx", "src/i18n/en/explore.json"]) closure(key, first);

const assets = readdirSync(join(dist, "assets")).map((f) => `assets/${f}`);
const isJapanese = (file) =>
  Object.entries(manifest).some(
    ([k, c]) => (c.file === file || c.css?.includes(file)) && /i18n\/ja\/|fonts\/ja\.css/.test(k),
  );
const isChartJs = (file) => /chartjs/i.test(file);
const code = assets.filter((f) => /\.(js|css)$/.test(f) && !isChartJs(f));
const oneLanguage = code.filter((f) => !isJapanese(f));

const kb = (n) => `${(n / 1024).toFixed(1)} KB`;
const budgets = [
  ["shell", sum(shell), 15],
  ["first dashboard", sum(first), 45],
  ["all pages, one language", sum(oneLanguage), 90],
];
let broken = false;
for (const [name, size, limit] of budgets) {
  const ok = size <= limit * 1024;
  broken ||= !ok;
  console.log(`${ok ? "ok    " : "BROKEN"} ${name.padEnd(26)} ${kb(size).padStart(9)} of ${limit} KB`);
}
console.log(`       with both languages        ${kb(sum(code)).padStart(9)}`);
console.log(`       Chart.js (on demand)       ${kb(sum(assets.filter(isChartJs))).padStart(9)}`);
for (const font of assets.filter((f) => f.endsWith(".woff2")))
  console.log(`       ${font.slice(7).padEnd(26)} ${kb(readFileSync(join(dist, font)).length).padStart(9)}`);
process.exit(broken ? 1 : 0);
