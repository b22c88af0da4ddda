// Puts the catalogues into the build under one address, assets/words/HASH/LANGUAGE/PART.json: the client needs no table of their names,
// and a changed sentence changes the address, so browsers may keep them for ever. Keys that the code names as a whole are known at build
// time: they become a letter and a place ("alerts.deliveries_none" is "a7"), which takes about 4 KB out of what a browser loads. Keys
// that the code puts together (`t(`parts.state_${state}`)`) keep their names.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const folder = "src/i18n";
type Words = Record<string, string>;

function texts(below: string, ending: RegExp): { file: string; text: string }[] {
  return readdirSync(below, { recursive: true, encoding: "utf8" })
    .filter((file) => ending.test(file))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(below, file), "utf8") }));
}

/** Short names of the keys that no template could put together: `"part.key"` to a letter of the part and a place in its file. */
export function shortNames(catalogue: Record<string, Words>, code: string): Map<string, string> {
  const prefixes = [...code.matchAll(/`([a-z]+\.[a-z_0-9]*)\$\{/g)].map((m) => m[1] ?? "");
  const names = new Map<string, string>();
  for (const [i, words] of Object.values(catalogue).entries()) {
    const letter = String.fromCharCode(97 + i);
    const fixed = Object.keys(words).filter((key) => !prefixes.some((p) => key.startsWith(p)));
    for (const [place, key] of fixed.entries()) names.set(key, letter + place);
  }
  return names;
}

/** A file as it is sent: the part's letter, the words with names of their own, then the others by place. */
function sent(words: Words, names: Map<string, string>): unknown[] {
  const fixed = Object.entries(words).filter(([key]) => names.has(key));
  const own = Object.fromEntries(Object.entries(words).filter(([key]) => !names.has(key)));
  return [names.get(fixed[0]?.[0] ?? "")?.[0] ?? "", own, ...fixed.map(([, sentence]) => sentence)];
}

export function words(): Plugin {
  const all = texts(folder, /\.json$/).map(({ file, text }) => ({ file, words: JSON.parse(text) as Words }));
  const english = Object.fromEntries(
    all.filter(({ file }) => file.startsWith("en/")).map(({ file, words: w }) => [file, w]),
  );
  const code = texts("src", /\.tsx?$/)
    .map(({ text }) => text)
    .join("\n");
  const names = shortNames(english, code);
  const files = all.map(({ file, words: w }) => ({ file, text: JSON.stringify(sent(w, names)) }));
  const hash = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 10);
  let building = false;
  return {
    name: "words",
    enforce: "pre",
    // While developing, the files are read where they lie, and keys keep their names.
    config: (_, { command, mode }) => {
      building = command === "build" && mode !== "test";
      return { define: { __WORDS__: JSON.stringify(building ? `/assets/words/${hash}` : `/${folder}`) } };
    },
    transform(source, id) {
      if (!building || !/\/src\/.*\.tsx?$/.test(id)) return null;
      const code = source.replace(/"([a-z]+\.[a-z0-9_]+)"/g, (whole, key: string) =>
        names.has(key) ? `"${names.get(key)}"` : whole,
      );
      return code === source ? null : { code, map: null };
    },
    generateBundle() {
      for (const { file, text } of files)
        this.emitFile({ type: "asset", fileName: `assets/words/${hash}/${file}`, source: text });
    },
  };
}
