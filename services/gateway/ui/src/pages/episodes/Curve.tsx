// The curve around an episode, with as much before it as it is long; where a season broke, two of its periods before and one after it, and
// each value one period later as a dashed line: what the season led one to expect beside what came.
import { get } from "../../api/http";
import type { Episode, RangeAnswer } from "../../api/types";
import { columnsOf } from "../../charts/columns";
import { moment } from "../../charts/notes";
import { TimeChart } from "../../charts/TimeChart";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { seriesName } from "../../parts/series";
import { go, linkTo } from "../../state/location";
import { useResource } from "../../state/resource";
import { span as spanOf } from "../../time/format";
import { shifted } from "../explore/aside";

/** At least this much is shown on each side. */
const marginMs = 6e5;

/** Period of the season that the series had before it broke; 0 for episodes of another kind. */
export const seasonMs = (e: Episode): number => (e.kind === "season" ? (e.expected ?? 0) * 1000 : 0);

export function around(e: Episode, nowMs: number): { fromMs: number; toMs: number } {
  const end = e.closed_ms ?? (e.state === "open" ? nowMs : e.updated_ms);
  const margin = Math.max(end - e.opened_ms, marginMs, 2 * seasonMs(e));
  return { fromMs: e.opened_ms - margin, toMs: Math.min(end + margin / 2, nowMs) };
}

export function Curve({ episode: e }: { episode: Episode }) {
  const span = around(e, Math.ceil(Date.now() / 1e4) * 1e4);
  const found = useResource<RangeAnswer>(`${e.id}|${e.version}`, (abort) =>
    get("/range", { series: [e.series_id], from: span.fromMs, to: span.toMs, points: 500 }, abort),
  );
  const explore = linkTo("/explore", {
    series: [e.series_id],
    from: Math.round(span.fromMs),
    to: Math.round(span.toMs),
  });
  return (
    <Ready of={found}>
      {(answer) => {
        const series = answer.series[0];
        if (!series) return <p class="soft">{t("episodes.gone")}</p>;
        const [columns, period] = [columnsOf(series), seasonMs(e)];
        const values = period ? shifted(columns.ts, columns, period) : [];
        return (
          <>
            <TimeChart
              name={seriesName(e.metric, e.labels)}
              unit={series.unit}
              columns={columns}
              extra={
                values.some((v) => v !== null)
                  ? [{ name: t("episodes.before", { span: spanOf(period) }), values, dash: [2, 3], stroke: "fuji" }]
                  : []
              }
              notes={period ? [moment(e.opened_ms)] : []}
              fromMs={answer.from}
              toMs={answer.to}
              height={170}
              sync={e.id}
              onZoom={(from, to) =>
                go(linkTo("/explore", { series: [e.series_id], from: Math.round(from), to: Math.round(to) }))
              }
            />
            <a class="btn" href={explore}>
              {t("episodes.explore")}
            </a>
          </>
        );
      }}
    </Ready>
  );
}
