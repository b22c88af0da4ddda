// What a person chose for this browser: language and theme. `?lang=` and `?theme=` win for the page's life (links, kiosks, tests).
import { effect, signal } from "@preact/signals";
import { one } from "./location";

export type Lang = "en" | "ja";
export type Theme = "auto" | "light" | "dark";

export function stored(name: string): string {
  try {
    return localStorage.getItem(`kizashi.${name}`) ?? "";
  } catch {
    return ""; // storage is forbidden in some private windows; the choice then lives as long as the page
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`kizashi.${name}`, value);
  } catch {
    /* as above */
  }
}

/** The first of the choices that is a language we have; else the browser's; else English. */
export function pickLang(choices: readonly string[], browser: readonly string[]): Lang {
  for (const choice of [...choices, ...browser]) {
    if (choice.toLowerCase().startsWith("ja")) return "ja";
    if (choice.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

export function pickTheme(...choices: readonly string[]): Theme {
  const found = choices.find((c) => c === "light" || c === "dark" || c === "auto");
  return (found as Theme | undefined) ?? "auto";
}

export const lang = signal<Lang>(pickLang([one("lang"), stored("lang")], globalThis.navigator?.languages ?? []));
export const theme = signal<Theme>(pickTheme(one("theme"), stored("theme")));

export function setLang(value: Lang): void {
  keep("lang", value);
  lang.value = value;
}

export function setTheme(value: Theme): void {
  keep("theme", value);
  theme.value = value;
}

/** Dark or light as it is on screen now; charts draw on canvas and need to know. */
export const dark = signal(false);

export function applyPrefs(): void {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const system = signal(query.matches);
  query.addEventListener("change", (e) => {
    system.value = e.matches;
  });
  effect(() => {
    dark.value = theme.value === "dark" || (theme.value === "auto" && system.value);
    document.documentElement.dataset["theme"] = dark.value ? "dark" : "light";
  });
  effect(() => {
    document.documentElement.lang = lang.value;
  });
}
