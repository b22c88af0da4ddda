// The curve around an episode, with as much before it as it is long.
import { get } from "../../api/http";
import type { Episode, RangeAnswer } from "../../api/types";
import { columnsOf } from "../../charts/columns";
import { TimeChart } from "../../charts/TimeChart";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { seriesName } from "../../parts/series";
import { go, linkTo } from "../../state/location";
import { useResource } from "../../state/resource";

/** At least this much is shown on each side. */
const marginMs = 6e5;

export function around(e: Episode, nowMs: number): { fromMs: number; toMs: number } {
  const end = e.closed_ms ?? (e.state === "open" ? nowMs : e.updated_ms);
  const margin = Math.max(end - e.opened_ms, marginMs);
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
        return (
          <>
            <TimeChart
              name={seriesName(e.metric, e.labels)}
              unit={series.unit}
              columns={columnsOf(series)}
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
