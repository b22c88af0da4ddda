// Title of the page, the live line's state, the door to the palette. Pages put their own tools (time, filters) in their first row.
import { useEffect } from "preact/hooks";
import { liveState } from "../api/liveState";
import { t } from "../i18n";
import { paletteOpen } from "./App";
import { counts } from "./badge";
import type { Destination } from "./places";

export function TopBar({ here }: { here: Destination | null }) {
  const title = here ? t(`shell.to_${here.name}`) : t("shell.no_page");
  const n = counts.value["alerts"];
  useEffect(() => {
    document.title = `${n ? `(${n}) ` : ""}${title} · Kizashi`;
  }, [title, n]);
  return (
    <header class="top">
      <h1>{title}</h1>
      <output class="line-state" data-state={liveState.value}>
        <b />
        {t(`shell.line_${liveState.value}`)}
      </output>
      <button type="button" class="btn" onClick={() => paletteOpen.current()} aria-haspopup="dialog">
        {t("shell.find")} <kbd class="wide-only">/</kbd>
      </button>
    </header>
  );
}
