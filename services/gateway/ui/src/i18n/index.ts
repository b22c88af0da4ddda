// Words come from catalogues, one file a page and language, loaded with the page. English is the source; a test keeps the two alike.
import { signal } from "@preact/signals";
import { type Lang, lang } from "../state/prefs";

type Catalogue = Record<string, string>;
/** Where the build put the catalogues; see build/words.ts. */
declare const __WORDS__: string;

const words = signal<Record<Lang, Catalogue>>({ en: {}, ja: {} });
const wanted = new Set<string>();

/** As the build sends it, [letter, named words, words by place …], or as it lies in the source. */
type Sent = Catalogue | [letter: string, own: Catalogue, ...byPlace: string[]];

function named(sent: Sent): Catalogue {
  if (!Array.isArray(sent)) return sent;
  const [letter, own, ...rest] = sent;
  rest.forEach((sentence, place) => {
    own[letter + place] = sentence;
  });
  return own;
}

async function load(language: Lang, part: string): Promise<void> {
  const answer = await fetch(`${__WORDS__}/${language}/${part}.json`);
  if (!answer.ok) throw new Error(`no catalogue ${language}/${part}`);
  const found = named((await answer.json()) as Sent);
  words.value = { ...words.value, [language]: { ...words.value[language], ...found } };
}

/** Makes a part of the catalogue ready in the present language, and in each that is chosen later. */
export async function need(...parts: string[]): Promise<void> {
  for (const part of parts) wanted.add(part);
  if (lang.value === "ja") import("../../.fonts/ja.css");
  await Promise.all(parts.map((part) => load(lang.value, part)));
}

/** Loads all that is on screen in the language just chosen. */
export async function switchWords(): Promise<void> {
  await need(...wanted);
}

export type Params = Record<string, string | number>;

/** Puts parameters into a sentence: `{name}`; `{n|one|many}` picks by number. */
export function fill(sentence: string, params: Params): string {
  return sentence.replace(
    /\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g,
    (whole, name: string, single?: string, plural?: string) => {
      const value = params[name];
      if (value === undefined) return whole;
      if (single === undefined) return `${value}`;
      return Number(value) === 1 ? single : (plural ?? "");
    },
  );
}

/** The sentence of a key; the key itself when it is missing, so that a gap shows and is found. */
export function t(key: string, params: Params = {}): string {
  const sentence = words.value[lang.value][key];
  return sentence === undefined ? key : fill(sentence, params);
}

/** As `t`, but null for words that the catalogue need not have (states and kinds that come from the server). */
export function known(key: string): string | null {
  return words.value[lang.value][key] ?? null;
}
