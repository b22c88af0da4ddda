// What a person takes away from a chart: numbers, a picture, or the request behind it.
import { useSignal } from "@preact/signals";
import { apiUrl } from "../../api/http";
import type { RangeSeries } from "../../api/types";
import { t } from "../../i18n";
import { save } from "../../parts/save";
import { seriesName } from "../../parts/series";
import type { Range } from "../../time/range";

function canvasOf(button: HTMLElement): HTMLCanvasElement | null {
  return button.closest("article")?.querySelector("canvas") ?? null;
}

export function Actions({ series, range, csv }: { series: RangeSeries; range: Range; csv: () => string }) {
  const said = useSignal("");
  const name = seriesName(series.metric, series.labels).replace(/[^\w.=-]+/g, "_");
  const copy = (): void => {
    const url = new URL(
      apiUrl("/range", { series: [series.id], from: Math.round(range.fromMs), to: Math.round(range.toMs) }),
      location.href,
    );
    navigator.clipboard.writeText(`curl -H "Authorization: Bearer $KIZASHI_KEY" '${url}'`).then(
      () => {
        said.value = t("explore.copied");
      },
      () => {
        said.value = t("explore.copy_refused");
      },
    );
  };
  const picture = (button: HTMLElement): void => {
    canvasOf(button)?.toBlob((blob) => blob && save(blob, `${name}.png`));
  };
  return (
    <details class="menu">
      <summary class="btn plain">{t("explore.take")}</summary>
      <div class="menu-list">
        <button type="button" onClick={() => save(new Blob([csv()], { type: "text/csv" }), `${name}.csv`)}>
          CSV
        </button>
        <button type="button" onClick={(e) => picture(e.currentTarget)}>
          PNG
        </button>
        <button type="button" onClick={copy}>
          {t("explore.copy_curl")}
        </button>
        <output>{said.value}</output>
      </div>
    </details>
  );
}
