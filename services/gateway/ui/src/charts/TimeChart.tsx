// One series over time. Mouse: crosshair, drag to zoom. Keys: arrows move the crosshair, + and − zoom. A sentence stands in for the picture.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { t } from "../i18n";
import { Mark } from "../parts/Mark";
import { dark, lang } from "../state/prefs";
import { full } from "../time/format";
import { zoomRange } from "../time/range";
import { score as format, quantity } from "../units/format";
import { type Columns, columnNames, oddRuns, summary } from "./columns";
import { type Ink, readInk } from "./ink";
import type { About, Note } from "./notes";
import type { Picture } from "./paint";
import { Surface } from "./Surface";
import { axisWords } from "./words";

export interface Extra {
  name: string;
  values: (number | null | undefined)[];
  dash: number[];
  stroke: keyof Ink;
}

interface Props {
  name: string;
  unit: string;
  columns: Columns;
  fromMs: number;
  toMs: number;
  height?: number;
  sync?: string;
  extra?: readonly Extra[];
  notes?: readonly Note[];
  about?: readonly About[];
  onZoom?: (fromMs: number, toMs: number) => void;
  /** A click or Enter at a sample: its time. */
  onPick?: (ms: number) => void;
}

function Readout({
  at,
  columns,
  unit,
  extra,
}: {
  at: number | null;
  columns: Columns;
  unit: string;
  extra: readonly Extra[];
}) {
  const i =
    at ??
    Math.max(
      columns.value.findLastIndex((v) => v !== null),
      0,
    );
  const ts = columns.ts[i];
  if (ts === undefined) return <p class="readout">{t("parts.chart_none")}</p>;
  const [lower, upper, score] = [columns.lower[i], columns.upper[i], columns.score[i]];
  return (
    <p class="readout">
      <time>{full(ts)}</time>
      <span>
        {t("parts.chart_value")} <b>{quantity(columns.value[i], unit)}</b>
      </span>
      {lower != null && upper != null && (
        <span>
          {t("parts.chart_expected")}{" "}
          <b>
            {quantity(lower, unit)} – {quantity(upper, unit)}
          </b>
        </span>
      )}
      {score != null && (
        <span class={score >= 1 ? "readout-odd" : ""}>
          {score >= 1 && <Mark state="odd" />} {t("parts.chart_score")} <b>{format(score)}</b>
        </span>
      )}
      {extra.map((e) => (
        <span key={e.name}>
          {e.name} <b>{quantity(e.values[i], unit)}</b>
        </span>
      ))}
    </p>
  );
}

/** Where a key leads: an index for the crosshair, -1 for none, null for a key that means nothing here. */
function onKey(event: KeyboardEvent, at: number, props: Props): number | null {
  const n = props.columns.ts.length;
  const step = event.shiftKey ? 10 : 1;
  const range = { fromMs: props.fromMs, toMs: props.toMs, live: false };
  const zoom = (factor: number): number => {
    const next = zoomRange(range, factor);
    props.onZoom?.(next.fromMs, next.toMs);
    return at;
  };
  if (event.key === "ArrowLeft") return Math.max(at - step, 0);
  if (event.key === "ArrowRight") return Math.min(at + step, n - 1);
  if (event.key === "+" || event.key === "=") return zoom(0.5);
  if (event.key === "-") return zoom(2);
  return event.key === "Escape" ? -1 : null;
}

/** The picture of one series: expected band, low-high of the bucket, expected line, values, what is compared with them. */
export function pictureOf(props: Props, ink: Ink): Picture {
  const { columns: c, extra = [], fromMs, toMs } = props;
  return {
    ts: c.ts,
    fromMs,
    toMs,
    areas: [
      { upper: c.upper, lower: c.lower, fill: ink.band },
      { upper: c.high, lower: c.low, fill: `${ink.kon}40` },
    ],
    curves: [
      { values: c.value, stroke: ink.kon, width: 1.6, dots: true },
      { values: c.expected, stroke: ink.soft, width: 1, dash: [5, 4] },
      ...extra.map((e) => ({ values: e.values, stroke: ink[e.stroke], width: 1.3, dash: e.dash })),
    ],
    odd: oddRuns(c.score),
    notes: props.notes ?? [],
    about: props.about ?? [],
    ink,
    table: [
      ...columnNames.map((name) => ({ name, values: c[name] })),
      ...extra.map((e) => ({ name: e.name, values: e.values })),
    ],
    ...axisWords(fromMs, toMs, props.unit),
  };
}

const none: readonly Extra[] = [];

export function TimeChart(props: Props) {
  const { columns, extra = none, notes, unit, fromMs, toMs } = props;
  const at = useSignal<number | null>(null);
  const ink = useMemo(readInk, [dark.value]);
  const picture = useMemo(() => pictureOf(props, ink), [columns, extra, notes, unit, fromMs, toMs, ink, lang.value]);
  const s = summary(columns);
  const words = t("parts.chart", {
    name: props.name,
    n: s.n,
    low: quantity(s.low, unit),
    high: quantity(s.high, unit),
    odd: s.odd,
  });
  return (
    <figure class="chart">
      <Readout at={at.value} columns={columns} unit={unit} extra={extra} />
      <Surface
        picture={picture}
        height={props.height ?? 190}
        sync={props.sync ?? "page"}
        label={`${words} ${t("parts.chart_keys")}`}
        onCursor={(index) => (at.value = index)}
        onZoom={props.onZoom}
        onPick={(i) => props.onPick?.(columns.ts[i] ?? 0)}
        onKey={(event, from) => onKey(event, from, props)}
      />
    </figure>
  );
}
