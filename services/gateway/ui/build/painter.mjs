// Puts beside the built painter what it needs at run time: the canvas library for this machine, and the whole fonts with their licence.
import { cpSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [modules, out] = [join(root, "node_modules"), join(root, "dist/painter")];

const libraries = readdirSync(join(modules, "@napi-rs")).filter((name) => name.startsWith("canvas"));
if (libraries.length < 2)
  console.warn("painter: the canvas library has no binary for this machine; PNG pictures will be refused");
for (const name of libraries)
  cpSync(join(modules, "@napi-rs", name), join(out, "node_modules/@napi-rs", name), { recursive: true });
const fonts = join(modules, "@fontsource/ibm-plex-sans-jp");
for (const weight of [400, 600])
  cpSync(join(fonts, `files/ibm-plex-sans-jp-japanese-${weight}-normal.woff2`), join(out, `sans-${weight}.woff2`));
cpSync(join(fonts, "LICENSE"), join(out, "sans-LICENSE"));
console.log(`painter: ${libraries.join(", ")}`);
