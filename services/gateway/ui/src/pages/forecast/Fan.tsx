// Where one series is heading, drawn behind its history, with how well earlier forecasts of it came out.
import { get } from "../../api/http";
import type { Forecast, Page, RangeAnswer } from "../../api/types";
import { columnsOf } from "../../charts/columns";
import { TimeChart } from "../../charts/TimeChart";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { SeriesName, seriesName } from "../../parts/series";
import { useResource } from "../../state/resource";
import { span } from "../../time/format";
import { percent, quantity } from "../../units/format";
import { withFan } from "./fan";

interface TrackRecord {
  judged: number;
  inside_share: number;
  mean_error: number;
}

type Judged = Forecast & { record?: TrackRecord | null };

interface Both {
  forecast: Judged | null;
  range: RangeAnswer;
}

/** History shown is twice as long as the way ahead. */
async function load(id: string, abort: AbortSignal): Promise<Both> {
  const page = await get<Page<Judged>>("/forecasts", { series: [id] }, abort);
  const forecast = page.items[0] ?? null;
  const aheadMs = forecast ? forecast.mean.length * forecast.step_ms : 36e5;
  const range = await get<RangeAnswer>(
    "/range",
    { series: [id], from: Date.now() - 2 * aheadMs, to: "now", points: 400 },
    abort,
  );
  return { forecast, range };
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

export function Fan({ id, height = 220 }: { id: string; height?: number }) {
  const found = useResource<Both>(`fan|${id}`, (abort) => load(id, abort));
  return (
    <Ready of={found}>
      {({ forecast, range }) => {
        const series = range.series[0];
        if (!series) return <p class="soft pad">{t("forecast.no_series")}</p>;
        const history = columnsOf(series);
        const columns = forecast ? withFan(history, forecast) : history;
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
              notes={[range.to]}
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
