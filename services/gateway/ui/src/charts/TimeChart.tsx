// One series over time. Mouse: crosshair, drag to zoom. Keys: arrows move the crosshair, + and − zoom. A sentence stands in for the picture.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { t } from "../i18n";
import { Mark } from "../parts/Mark";
import { dark, lang } from "../state/prefs";
import { full } from "../time/format";
import { zoomRange } from "../time/range";
import { score as format, quantity } from "../units/format";
import { type Columns, summary } from "./columns";
import { type Ink, readInk } from "./ink";
import { aligned, options } from "./options";
import "./chart.css";

export interface Extra {
  name: string;
  values: (number | null)[];
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
  notes?: readonly number[];
  onZoom?: (fromMs: number, toMs: number) => void;
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

function onKey(event: KeyboardEvent, plot: uPlot, props: Props): void {
  const n = plot.data[0].length;
  const step = event.shiftKey ? 10 : 1;
  const at = plot.cursor.idx ?? n - 1;
  const range = { fromMs: props.fromMs, toMs: props.toMs, live: false };
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const to = Math.min(Math.max(at + (event.key === "ArrowLeft" ? -step : step), 0), n - 1);
    plot.setCursor({ left: plot.valToPos(plot.data[0][to] ?? 0, "x"), top: plot.height / 3 });
  } else if (event.key === "+" || event.key === "=") {
    const closer = zoomRange(range, 0.5);
    props.onZoom?.(closer.fromMs, closer.toMs);
  } else if (event.key === "-") {
    const wider = zoomRange(range, 2);
    props.onZoom?.(wider.fromMs, wider.toMs);
  } else if (event.key === "Escape") plot.setCursor({ left: -10, top: -10 });
  else return;
  event.preventDefault();
}

export function TimeChart(props: Props) {
  const { columns, extra = [] } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef(props);
  now.current = props;
  const at = useSignal<number | null>(null);
  const height = props.height ?? 190;
  useLayoutEffect(() => {
    const host = box.current;
    if (!host) return;
    const drawing = options({
      width: host.clientWidth || 600,
      height,
      unit: props.unit,
      sync: props.sync ?? "page",
      ink: readInk(),
      columns: () => now.current.columns,
      span: () => now.current,
      onZoom: (from, to) => now.current.onZoom?.(from, to),
      onCursor: (index) => {
        at.value = index;
      },
      extra,
      notes: () => now.current.notes ?? [],
    });
    const made = new uPlot(
      drawing,
      aligned(
        columns,
        extra.map((e) => e.values),
      ),
      host,
    );
    plot.current = made;
    const sizes = new ResizeObserver(() => host.clientWidth && made.setSize({ width: host.clientWidth, height }));
    sizes.observe(host);
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark.value, lang.value, props.unit, height, extra.map((e) => e.name).join()]);
  useEffect(
    () =>
      plot.current?.setData(
        aligned(
          columns,
          extra.map((e) => e.values),
        ),
      ),
    [columns, extra, props.fromMs, props.toMs],
  );
  const s = summary(columns);
  const words = t("parts.chart", {
    name: props.name,
    n: s.n,
    low: quantity(s.low, props.unit),
    high: quantity(s.high, props.unit),
    odd: s.odd,
  });
  return (
    <figure class="chart">
      <Readout at={at.value} columns={columns} unit={props.unit} extra={extra} />
      <div
        ref={box}
        class="chart-box"
        role="group"
        tabIndex={0}
        aria-label={`${words} ${t("parts.chart_keys")}`}
        onKeyDown={(e) => plot.current && onKey(e, plot.current, now.current)}
      />
    </figure>
  );
}
