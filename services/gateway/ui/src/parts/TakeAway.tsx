// The small menu of a chart: take it away as a file. What makes the files is loaded when one is asked for.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { me } from "../api/http";
import { shown } from "../charts/shown";
import { t } from "../i18n";

const formats = ["svg", "png", "csv"] as const;

export function TakeAway({ title, children }: { title: string; children?: ComponentChildren }) {
  const said = useSignal("");
  const give = async (button: HTMLElement, format: (typeof formats)[number]): Promise<void> => {
    const panel = button.closest(".panel");
    const { take } = await import("../take/take");
    said.value = panel && (await take(panel, title, format)) ? "" : t("parts.no_picture");
  };
  const annotate = async (button: HTMLElement): Promise<void> => {
    const canvas = button.closest(".panel")?.querySelector("canvas");
    const { annotate: open } = await import("../take/Annotate");
    await open(canvas ? shown.get(canvas)?.().picture : undefined);
  };
  return (
    <details
      class="menu"
      onKeyDown={(e) => {
        if (e.key === "Escape") e.currentTarget.open = false;
      }}
      onFocusOut={(e) => {
        if (!e.currentTarget.contains(e.relatedTarget as Node | null)) e.currentTarget.open = false;
      }}
    >
      <summary class="btn plain" aria-label={t("parts.take_of", { title })}>
        ⋯
      </summary>
      <div class="menu-list">
        {formats.map((f) => (
          <button key={f} type="button" onClick={(e) => void give(e.currentTarget, f)}>
            {f.toUpperCase()}
          </button>
        ))}
        {me.value && me.value.role !== "viewer" && (
          <button type="button" onClick={(e) => void annotate(e.currentTarget)}>
            {t("parts.annotate")}
          </button>
        )}
        {children}
        <output>{said.value}</output>
      </div>
    </details>
  );
}
