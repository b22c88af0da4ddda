// One field to go anywhere: pages, series by name, theme and language. Opened by `/` or Ctrl-K.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, post } from "../api/http";
import type { Page, SeriesRow } from "../api/types";
import { t } from "../i18n";
import { seriesName } from "../parts/series";
import { go, linkTo } from "../state/location";
import { lang, setLang, setTheme, theme } from "../state/prefs";
import { allowed, places } from "./places";
import { Choices } from "./Rail";
import "./palette.css";

interface Entry {
  id: string;
  text: string;
  hint: string;
  run: () => void;
}

function commands(): Entry[] {
  const next = theme.value === "dark" ? "light" : "dark";
  return [
    ...places.filter(allowed).map((p) => ({
      id: p.name,
      text: t(`shell.to_${p.name}`),
      hint: `g ${p.key}`,
      run: () => go(linkTo(p.path)),
    })),
    { id: "theme", text: t("shell.switch_theme"), hint: "", run: () => setTheme(next) },
    { id: "lang", text: t("shell.switch_language"), hint: "", run: () => setLang(lang.value === "ja" ? "en" : "ja") },
    {
      id: "out",
      text: t("shell.sign_out"),
      hint: "",
      run: () => void post("/logout", {}).finally(() => location.assign("/")),
    },
  ];
}

function useSeries(text: string): Entry[] {
  const found = useSignal<Entry[]>([]);
  useEffect(() => {
    if (text.trim().length < 2) {
      found.value = [];
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      get<Page<SeriesRow>>("/series", { q: text, limit: 8 }, abort.signal).then(
        (page) => {
          found.value = page.items.map((s) => ({
            id: s.id,
            text: seriesName(s.metric, s.labels),
            hint: t("shell.series"),
            run: () => go(linkTo("/explore", { series: [s.id] })),
          }));
        },
        () => {},
      );
    }, 150);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text, found]);
  return found.value;
}

export default function Palette({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const text = useSignal("");
  const at = useSignal(0);
  const series = useSeries(text.value);
  useEffect(() => dialog.current?.showModal(), []);
  const words = text.value.trim().toLowerCase();
  const entries = [...commands().filter((c) => c.text.toLowerCase().includes(words)), ...series];
  const chosen = Math.min(at.value, entries.length - 1);
  const run = (entry: Entry | undefined): void => {
    if (!entry) return;
    dialog.current?.close();
    entry.run();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") at.value = Math.min(chosen + 1, entries.length - 1);
    else if (event.key === "ArrowUp") at.value = Math.max(chosen - 1, 0);
    else if (event.key === "Enter") run(entries[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog ref={dialog} class="palette" aria-label={t("shell.find")} onClose={() => close()}>
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="found"
        aria-activedescendant={entries[chosen] ? `found-${entries[chosen].id}` : undefined}
        aria-label={t("shell.find_what")}
        placeholder={t("shell.find_what")}
        value={text.value}
        onInput={(e) => {
          text.value = e.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={onKey}
      />
      <div id="found" role="listbox" aria-label={t("shell.found")} tabIndex={-1}>
        {entries.map((entry, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keyboard, as the combobox pattern says
          <div
            key={entry.id}
            id={`found-${entry.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === chosen}
            onClick={() => run(entry)}
          >
            <span>{entry.text}</span>
            {entry.hint && <kbd>{entry.hint}</kbd>}
          </div>
        ))}
        {entries.length === 0 && <p>{t("shell.found_none")}</p>}
      </div>
      <div class="palette-end">
        <Choices />
      </div>
    </dialog>
  );
}
