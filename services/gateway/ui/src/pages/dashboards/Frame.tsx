// The frame of a panel: its place on the grid, its title, and its content, which is loaded when it comes near the screen.
import { useSignal } from "@preact/signals";
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../../i18n";
import { TakeAway } from "../../parts/TakeAway";
import type { Range } from "../../time/range";
import type { Panel, Query } from "./model";
import { type PanelProps, panelType } from "./registry";

/** Height of a grid row and the gap between rows, CSS pixels; the style sheet has the same numbers. */
export const rowPx = 44;
export const gapPx = 12;
const headPx = 38;

export const contentPx = (h: number): number => h * (rowPx + gapPx) - gapPx - headPx;

function Content({ panel, query, range }: { panel: Panel; query: Query; range: Range & { key: string } }) {
  const view = useSignal<{ View: ComponentType<PanelProps> } | null>(null);
  const failed = useSignal(false);
  const type = panelType(panel.type);
  // Runs again only for another type
  useEffect(() => {
    type?.load().then(
      (m) => {
        view.value = { View: m.default };
      },
      () => {
        failed.value = true;
      },
    );
  }, [panel.type]);
  if (!type) return <p class="soft pad">{t("dashboards.unknown_type", { type: panel.type })}</p>;
  if (failed.value) return <p class="soft pad">{t("shell.page_failed")}</p>;
  const View = view.value?.View;
  return View ? <View panel={panel} query={query} range={range} height={contentPx(panel.h)} /> : null;
}

interface Props {
  panel: Panel;
  query: Query;
  range: Range & { key: string };
  tools?: ComponentChildren;
}

export const cell = (p: Panel): { gridColumn: string; gridRow: string } => ({
  gridColumn: `${p.x + 1} / span ${p.w}`,
  gridRow: `${p.y + 1} / span ${p.h}`,
});

export function Frame({ panel, query, range, tools }: Props) {
  const box = useRef<HTMLElement>(null);
  const seen = useSignal(false);
  useEffect(() => {
    if (!box.current) return;
    const watch = new IntersectionObserver(
      (entries) => {
        if (entries.some((e) => e.isIntersecting)) seen.value = true;
      },
      { rootMargin: "200px" },
    );
    watch.observe(box.current);
    return () => watch.disconnect();
  }, [seen]);
  return (
    <section ref={box} class="panel cell" style={cell(panel)} aria-label={panel.title}>
      <header>
        <h3>{panel.title}</h3>
        {tools ?? (panel.type !== "text" && <TakeAway title={panel.title} />)}
      </header>
      <div class="cell-body">{seen.value && <Content panel={panel} query={query} range={range} />}</div>
    </section>
  );
}
