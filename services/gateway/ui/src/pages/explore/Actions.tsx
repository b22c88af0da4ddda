// What a person takes away from a chart: a picture, numbers, or the request behind it.
import { useSignal } from "@preact/signals";
import { apiUrl } from "../../api/http";
import type { RangeSeries } from "../../api/types";
import { t } from "../../i18n";
import { seriesName } from "../../parts/series";
import { TakeAway } from "../../parts/TakeAway";
import { curlOf, grafanaOf, sqlOf } from "../../take/queries";
import type { Range } from "../../time/range";

export function Actions({ series, range }: { series: RangeSeries; range: Range }) {
  const said = useSignal("");
  const [from, to] = [Math.round(range.fromMs), Math.round(range.toMs)];
  const copies: Record<string, () => string> = {
    curl: () => curlOf(`${new URL(apiUrl("/range", { series: [series.id], from, to }), location.href)}`),
    sql: () => sqlOf([series.id], from, to),
    grafana: () => grafanaOf([series.id]),
  };
  const copy = (text: string): void => {
    navigator.clipboard.writeText(text).then(
      () => {
        said.value = t("explore.copied");
      },
      () => {
        said.value = t("explore.copy_refused");
      },
    );
  };
  return (
    <TakeAway title={seriesName(series.metric, series.labels)}>
      {Object.entries(copies).map(([kind, make]) => (
        <button key={kind} type="button" onClick={() => copy(make())}>
          {t(`explore.copy_${kind}`)}
        </button>
      ))}
      <output>{said.value}</output>
    </TakeAway>
  );
}
