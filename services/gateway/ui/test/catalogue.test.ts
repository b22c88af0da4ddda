import { describe, expect, it } from "vitest";
import { fill } from "../src/i18n";

type Words = Record<string, string>;
const files = import.meta.glob<Words>("../src/i18n/*/*.json", { eager: true, import: "default" });
const sources = import.meta.glob<string>("../src/**/*.{ts,tsx}", { eager: true, query: "?raw", import: "default" });

const parts = (language: string): Record<string, Words> =>
  Object.fromEntries(
    Object.entries(files)
      .filter(([path]) => path.includes(`/${language}/`))
      .map(([path, words]) => [path.split("/").at(-1) ?? "", words]),
  );
const en = parts("en");
const ja = parts("ja");
const all: Words = Object.assign({}, ...Object.values(en));
const holes = (s: string): string[] => [...s.matchAll(/\{(\w+)/g)].map((m) => m[1] ?? "").sort();

describe("catalogues", () => {
  it("has the same files and keys in both languages", () => {
    expect(Object.keys(ja).sort()).toEqual(Object.keys(en).sort());
    for (const [file, words] of Object.entries(en))
      expect(Object.keys(ja[file] ?? {}), file).toEqual(Object.keys(words));
  });

  it("has no empty sentence, and every parameter in both", () => {
    for (const [file, words] of Object.entries(en)) {
      for (const [key, sentence] of Object.entries(words)) {
        const other = ja[file]?.[key] ?? "";
        expect(sentence.trim(), key).not.toBe("");
        expect(other.trim(), key).not.toBe("");
        expect(new Set(holes(other)), key).toEqual(new Set(holes(sentence)));
      }
    }
  });

  it("keeps keys in the file of their name", () => {
    for (const [file, words] of Object.entries(en)) {
      for (const key of Object.keys(words)) expect(`${key.split(".")[0]}.json`).toBe(file);
    }
  });

  it("is Japanese where it should be", () => {
    const same = Object.entries(all).filter(([key, text]) => {
      const file = `${key.split(".")[0]}.json`;
      return ja[file]?.[key] === text && /[a-z]{4}/.test(text);
    });
    expect(same).toEqual([]);
  });

  it("holds every key that the code names", () => {
    for (const [path, text] of Object.entries(sources)) {
      for (const [, key] of text.matchAll(/\b(?:t|known)\(\s*"([^"]+)"/g))
        expect(all[key ?? ""], `${key} in ${path}`).toBeDefined();
    }
  });

  it("is named by the code: no sentence without a use", () => {
    const code = Object.values(sources).join("\n");
    const prefixes = [...code.matchAll(/`([a-z]+\.[a-z_0-9]*)\$\{/g)].map((m) => m[1] ?? "");
    const unused = Object.keys(all).filter(
      (key) => !code.includes(`"${key}"`) && !prefixes.some((p) => key.startsWith(p)),
    );
    expect(unused).toEqual([]);
  });

  it("leaves no sentence in the code", () => {
    const found: string[] = [];
    for (const [path, text] of Object.entries(sources)) {
      if (!path.endsWith(".tsx")) continue;
      for (const [, words] of text.matchAll(/>\s*([A-Z][a-z]+ [a-z]+[^<>{}]*)</g)) found.push(`${path}: ${words}`);
    }
    expect(found).toEqual([]);
  });
});

describe("sentences with parameters", () => {
  it("fills, and picks by number", () => {
    expect(fill("{n} {n|letter|letters} of {who}", { n: 1, who: "x" })).toBe("1 letter of x");
    expect(fill("{n} {n|letter|letters}", { n: 3 })).toBe("3 letters");
    expect(fill("{missing}", {})).toBe("{missing}");
  });
});
