// Where one series is heading, drawn behind its history, with how well earlier forecasts of it came out.
import { get } from "../../api/http";
import type { Forecast, Page, RangeAnswer } from "../../api/types";
import { columnsOf } from "../../charts/columns";
import { moment } from "../../charts/notes";
import { TimeChart } from "../../charts/TimeChart";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { SeriesName, seriesName } from "../../parts/series";
import { useResource } from "../../state/resource";
import { span } from "../../time/format";
import { percent, quantity } from "../../units/format";
import { foreseen, type Past, withFan } from "./fan";

interface TrackRecord {
  judged: number;
  inside_share: number;
  mean_error: number;
}

type Judged = Forecast & { record?: TrackRecord | null };

interface Both {
  forecast: Judged | null;
  range: RangeAnswer;
  past: Past | null;
}

/** History shown is twice as long as the way ahead. */
async function load(id: string, withPast: boolean, abort: AbortSignal): Promise<Both> {
  const page = await get<Page<Judged>>("/forecasts", { series: [id] }, abort);
  const forecast = page.items[0] ?? null;
  const aheadMs = forecast ? forecast.mean.length * forecast.step_ms : 36e5;
  const from = Math.round(Date.now() - 2 * aheadMs);
  const [range, past] = await Promise.all([
    get<RangeAnswer>("/range", { series: [id], from, to: "now", points: 400 }, abort),
    withPast ? get<Past>("/forecasts/past", { series: id, from, to: "now" }, abort) : null,
  ]);
  return { forecast, range, past };
}

function Said({ forecast: f, unit }: { forecast: Judged; unit: string }) {
  const r = f.record;
  return (
    <p class="soft fan-said">
      {t("forecast.ahead", { span: span(f.mean.length * f.step_ms) })}{" "}
      {r && r.judged > 0
        ? t("forecast.record", { n: r.judged, inside: percent(r.inside_share), error: quantity(r.mean_error, unit) })
        : t("forecast.record_none")}{" "}
      {f.reliable === false ? `${t("forecast.unreliable")} ${f.reason ?? ""}` : ""}
    </p>
  );
}

/** With `past`, earlier forecasts are drawn over what came. */
export function Fan({ id, height = 220, past: withPast = false }: { id: string; height?: number; past?: boolean }) {
  const found = useResource<Both>(`fan|${id}`, (abort) => load(id, withPast, abort));
  return (
    <Ready of={found}>
      {({ forecast, range, past }) => {
        const series = range.series[0];
        if (!series) return <p class="soft pad">{t("forecast.no_series")}</p>;
        const history = columnsOf(series);
        const columns = forecast ? withFan(history, forecast) : history;
        const extra = past?.ts.length
          ? [
              {
                name: t("forecast.foreseen"),
                values: foreseen(columns.ts, past) as (number | null)[],
                dash: [3, 3],
                stroke: "fuji" as const,
              },
            ]
          : [];
        return (
          <>
            <p class="fan-name">
              <SeriesName metric={series.metric} labels={series.labels} />
            </p>
            <TimeChart
              name={seriesName(series.metric, series.labels)}
              unit={series.unit}
              columns={columns}
              fromMs={range.from}
              toMs={Math.max(columns.ts.at(-1) ?? range.to, range.to)}
              height={height}
              sync={`fan${id}`}
              notes={[moment(range.to)]}
              extra={extra}
            />
            {forecast ? (
              <Said forecast={forecast} unit={series.unit} />
            ) : (
              <p class="soft pad">{t("forecast.no_forecast")}</p>
            )}
          </>
        );
      }}
    </Ready>
  );
}
