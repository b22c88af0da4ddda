// The charts of the chosen series, one below another.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { moment, notes, notesOf, useNotes } from "../../charts/notes";
import { type Extra, TimeChart } from "../../charts/TimeChart";
import { type Drawn, useColumns } from "../../charts/useColumns";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { setRange } from "../../parts/RangePicker";
import { SeriesName, seriesName } from "../../parts/series";
import { many, setQuery } from "../../state/location";
import { span } from "../../time/format";
import type { Range } from "../../time/range";
import { Actions } from "./Actions";
import { shifted } from "./aside";
import { Why } from "./Why";

const shiftsMs: Record<string, number> = { "1d": 864e5, "7d": 6048e5 };

function One({
  drawn,
  other,
  compare,
  range,
  stepMs,
}: {
  drawn: Drawn;
  other: Drawn | undefined;
  compare: string;
  range: Range & { key: string };
  stepMs: number;
}) {
  const { series, columns } = drawn;
  const at = useSignal<number | null>(null);
  const about = useMemo(() => [series], [series]);
  const marks = useMemo(
    () => [...notesOf(notes.value, about), ...(at.value ? [moment(at.value)] : [])],
    [notes.value, about, at.value],
  );
  const extra = useMemo<Extra[]>(() => {
    if (!other) return [];
    return [
      {
        name: t(`explore.compare_${compare}`),
        values: shifted(columns.ts, other.columns, shiftsMs[compare] ?? 0),
        dash: [2, 3],
        stroke: "fuji",
      },
    ];
  }, [other, columns, compare]);
  return (
    <article class="panel">
      <header>
        <h2>
          <SeriesName metric={series.metric} labels={series.labels} />
        </h2>
        <span class="soft">{stepMs === 0 ? t("parts.chart_raw") : t("parts.chart_mean", { step: span(stepMs) })}</span>
        <Actions series={series} range={range} />
        <button
          type="button"
          class="btn plain"
          aria-label={t("explore.remove", { name: series.metric })}
          onClick={() => setQuery({ series: many("series").filter((id) => id !== series.id) })}
        >
          ×
        </button>
      </header>
      <TimeChart
        name={seriesName(series.metric, series.labels)}
        unit={series.unit}
        columns={columns}
        fromMs={range.fromMs}
        toMs={range.toMs}
        extra={extra}
        notes={marks}
        about={about}
        onPick={(ms) => (at.value = ms)}
        onZoom={(fromMs, toMs) => setRange({ fromMs, toMs })}
      />
      <Why series={series} range={range} at={at} />
    </article>
  );
}

export function Charts({
  chosen,
  range,
  compare,
}: {
  chosen: string[];
  range: Range & { key: string };
  compare: string;
}) {
  const main = useColumns(chosen, range);
  const shiftMs = shiftsMs[compare] ?? 0;
  const other = useColumns(shiftMs ? chosen : [], range, shiftMs || 1);
  useNotes(range);
  return (
    <Ready of={main}>
      {(data) => (
        <>
          {chosen.map((id) => {
            const drawn = data.drawn.find((d) => d.series.id === id);
            if (!drawn)
              return main.loading ? null : (
                <p key={id} class="strip-note">
                  {t("explore.unknown", { id })}
                </p>
              );
            const twin = shiftMs ? other.data?.drawn.find((d) => d.series.id === id) : undefined;
            return <One key={id} drawn={drawn} other={twin} compare={compare} range={range} stepMs={data.stepMs} />;
          })}
        </>
      )}
    </Ready>
  );
}
