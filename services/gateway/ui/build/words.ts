// Puts the catalogues into the build under one address, assets/words/HASH/LANGUAGE/PART.json: the client needs no table of their names,
// and a changed sentence changes the address, so browsers may keep them for ever.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const folder = "src/i18n";

function catalogues(): { file: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({ file, text: JSON.stringify(JSON.parse(readFileSync(join(folder, file), "utf8"))) }));
}

export function words(): Plugin {
  const all = catalogues();
  const hash = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 10);
  return {
    name: "words",
    // While developing, the files are read where they lie.
    config: (_, { command }) => ({
      define: { __WORDS__: JSON.stringify(command === "build" ? `/assets/words/${hash}` : `/${folder}`) },
    }),
    generateBundle() {
      for (const { file, text } of all)
        this.emitFile({ type: "asset", fileName: `assets/words/${hash}/${file}`, source: text });
    },
  };
}
