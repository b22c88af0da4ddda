// A Chromium for tests that needs nothing of the machine: the packed one of @sparticuz/chromium, unpacked here once, with its own
// libraries and fonts. The package's own unpacking reuses whatever lies in the temp folder and switches web security off.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const packed = join(here, "node_modules/@sparticuz/chromium/bin");
const home = join(here, "node_modules/.cache/chromium");

function untar(name, into) {
  mkdirSync(into, { recursive: true });
  execFileSync("tar", ["-x", "-C", into], { input: brotliDecompressSync(readFileSync(join(packed, name))), maxBuffer: 1 << 28 });
}

/** Unpacks into a neighbour folder and renames it, so that an interrupted run leaves nothing half done. */
function unpack() {
  if (existsSync(join(home, "ready"))) return;
  const next = `${home}.${process.pid}`;
  mkdirSync(next, { recursive: true });
  writeFileSync(join(next, "chromium"), brotliDecompressSync(readFileSync(join(packed, "chromium.br"))));
  chmodSync(join(next, "chromium"), 0o755);
  untar("al2023.tar.br", join(next, "libraries"));
  untar("fonts.tar.br", join(next, "fonts"));
  untar("swiftshader.tar.br", next);
  writeFileSync(join(next, "ready"), "");
  rmSync(home, { recursive: true, force: true });
  renameSync(next, home);
}

/** Names the fonts by where they are now: the folder may have been moved since it was unpacked, and without a font Chromium ends itself. */
function nameFonts() {
  const folder = join(home, "fontconfig");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "fonts.conf"),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${join(home, "fonts")}</dir><cachedir>${join(home, "font-cache")}</cachedir></fontconfig>`,
  );
}

export async function launch() {
  unpack();
  nameFonts();
  return chromium.launch({
    executablePath: join(home, "chromium"),
    // No sandbox, as test machines run as root; no zygote, as its sandbox helper is not in the package.
    args: ["--headless=shell", "--no-sandbox", "--no-zygote", "--disable-gpu"],
    ignoreDefaultArgs: ["--headless"],
    env: {
      ...process.env,
      // Under C.UTF-8 navigator.language is no language tag and Intl throws.
      LANG: "en_US.UTF-8",
      LD_LIBRARY_PATH: join(home, "libraries", "lib"),
      FONTCONFIG_PATH: join(home, "fontconfig"),
    },
  });
}
