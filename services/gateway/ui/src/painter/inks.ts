// The style sheet's colours where there is no browser: read from its text, so that they are written once.
import type { Ink } from "../charts/ink";
import sheet from "../design/tokens.css?raw";

/** The variables of one rule of the sheet. */
function variables(selector: string): Record<string, string> {
  const start = sheet.indexOf(`${selector} {`);
  const body = sheet.slice(start, sheet.indexOf("}", start));
  return Object.fromEntries(
    [...body.matchAll(/--([\w-]+):\s*([^;]+);/g)].map((m) => [m[1] ?? "", (m[2] ?? "").trim()]),
  );
}

const light = variables(":root");
const themes = { light, dark: { ...light, ...variables(':root[data-theme="dark"]') } };

export interface Colours {
  ink: Ink;
  ground: string;
}

export const family = '"Kizashi Sans", system-ui, sans-serif';

export function coloursOf(dark: boolean): Colours {
  const v = (name: string): string => {
    const found = themes[dark ? "dark" : "light"][name];
    if (!found) throw new Error(`tokens.css has no --${name}`);
    return found;
  };
  const names = ["ink", "soft", "hair", "kon", "shu", "asagi", "fuji", "band"] as const;
  const plain = Object.fromEntries(names.map((n) => [n, v(n)])) as Record<(typeof names)[number], string>;
  return { ink: { ...plain, wash: v("shu-wash"), font: `11px ${family}` }, ground: v("paper") };
}
