// The navigation: one character and one word a page; language and theme at its foot.
import { useEffect, useRef } from "preact/hooks";
import { me } from "../api/http";
import { t } from "../i18n";
import { linkTo } from "../state/location";
import { lang, setLang, setTheme, type Theme, theme } from "../state/prefs";
import { counts } from "./badge";
import { allowed, type Destination, places } from "./places";

const themes: readonly Theme[] = ["auto", "light", "dark"];

export function Choices() {
  return (
    <>
      <fieldset class="pair" aria-label={t("shell.language")}>
        <button type="button" lang="en" aria-pressed={lang.value === "en"} onClick={() => setLang("en")}>
          English
        </button>
        <button type="button" lang="ja" aria-pressed={lang.value === "ja"} onClick={() => setLang("ja")}>
          日本語
        </button>
      </fieldset>
      <fieldset class="pair" aria-label={t("shell.theme")}>
        {themes.map((name) => (
          <button key={name} type="button" aria-pressed={theme.value === name} onClick={() => setTheme(name)}>
            {t(`shell.theme_${name}`)}
          </button>
        ))}
      </fieldset>
    </>
  );
}

export function Rail({ here }: { here: Destination | null }) {
  const list = useRef<HTMLUListElement>(null);
  // On a phone the pages are a strip: keep the present one in sight. Runs again for another page or language.
  useEffect(() => {
    const link = list.current?.querySelector<HTMLElement>("[aria-current]");
    const rail = list.current?.parentElement;
    // Not scrollIntoView: the browser would take the link for the place where tabbing starts.
    if (link && rail) rail.scrollLeft = link.offsetLeft - rail.clientWidth / 2;
  }, [here, lang.value]);
  return (
    <nav class="rail" aria-label={t("shell.pages")}>
      <a class="brand" href="/">
        <img src="/seal.svg" alt="" />
        Kizashi
      </a>
      <ul ref={list}>
        {places.filter(allowed).map((p) => (
          <li key={p.name}>
            <a class="to" href={linkTo(p.path)} aria-current={here === p ? "page" : undefined}>
              <i aria-hidden="true" lang="ja">
                {p.glyph}
              </i>
              {t(`shell.to_${p.name}`)}
              {counts.value[p.name] ? (
                <span class="count" title={t(`shell.count_${p.name}`, { n: counts.value[p.name] ?? 0 })}>
                  {counts.value[p.name]}
                </span>
              ) : null}
            </a>
          </li>
        ))}
      </ul>
      <div class="rail-end">
        <Choices />
        {me.value && (
          <span>
            {me.value.user} · {me.value.tenant} · {me.value.version}
          </span>
        )}
      </div>
    </nav>
  );
}
