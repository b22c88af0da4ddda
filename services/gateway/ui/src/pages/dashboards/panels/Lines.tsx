// Time series: one series with its band and odd stretches, several as lines.
import { useMemo } from "preact/hooks";
import { LinesChart } from "../../../charts/LinesChart";
import { notes, notesOf } from "../../../charts/notes";
import { TimeChart } from "../../../charts/TimeChart";
import { useColumns } from "../../../charts/useColumns";
import { t } from "../../../i18n";
import { Ready } from "../../../parts/Notes";
import { setRange } from "../../../parts/RangePicker";
import { orderedLabels, seriesName } from "../../../parts/series";
import type { PanelProps } from "../registry";
import { useSeries } from "../useSeries";
import { NoSeries } from "./NoSeries";

/** Room that readout or legend take, CSS pixels. */
const besideOne = 36;
const besideMany = 52;

const zoom = (fromMs: number, toMs: number): void => setRange({ fromMs, toMs });

/** What tells the series of one panel apart: metric only when it differs, then the labels. */
export function shortNames(series: readonly { metric: string; labels: Record<string, string> }[]): string[] {
  const metrics = new Set(series.map((s) => s.metric));
  const differs = (name: string): boolean => new Set(series.map((s) => s.labels[name] ?? "")).size > 1;
  return series.map((s) => {
    const parts = orderedLabels(s.labels)
      .filter(([name]) => differs(name))
      .map(([, value]) => value);
    return [...(metrics.size > 1 || parts.length === 0 ? [s.metric] : []), ...parts].join(" ");
  });
}

function Charts({ ids, range, height }: { ids: string[]; range: PanelProps["range"]; height: number }) {
  const found = useColumns(ids, range);
  const drawn = found.data?.drawn ?? [];
  const lines = useMemo(() => drawn.map((d) => d.columns), [drawn]);
  const about = useMemo(() => drawn.map((d) => d.series), [drawn]);
  const marks = useMemo(() => notesOf(notes.value, about), [notes.value, about]);
  return (
    <Ready of={found}>
      {() => {
        const only = drawn[0];
        if (!only) return <p class="soft pad">{t("parts.chart_none")}</p>;
        if (drawn.length === 1) {
          const { series, columns } = only;
          return (
            <TimeChart
              name={seriesName(series.metric, series.labels)}
              unit={series.unit}
              columns={columns}
              fromMs={range.fromMs}
              toMs={range.toMs}
              height={height - besideOne}
              notes={marks}
              about={about}
              onZoom={zoom}
            />
          );
        }
        return (
          <LinesChart
            names={shortNames(drawn.map((d) => d.series))}
            unit={only.series.unit}
            lines={lines}
            fromMs={range.fromMs}
            toMs={range.toMs}
            height={height - besideMany}
            notes={marks}
            about={about}
            onZoom={zoom}
          />
        );
      }}
    </Ready>
  );
}

export default function Lines({ query, range, height }: PanelProps) {
  const found = useSeries(query);
  if (!found.data && !found.loading && !found.error) return <NoSeries />;
  return (
    <Ready of={found}>
      {(page) =>
        page.items.length === 0 ? (
          <NoSeries asked />
        ) : (
          <Charts ids={page.items.map((s) => s.id)} range={range} height={height} />
        )
      }
    </Ready>
  );
}
