// Several series in one chart, told apart by colour and by dash; the legend reads the values at the crosshair.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import { t } from "../i18n";
import { dark, lang } from "../state/prefs";
import { clock, dayClock } from "../time/format";
import { quantity } from "../units/format";
import { readInk } from "./ink";
import { joined, type Line, strokeOf } from "./lines";
import "./chart.css";

interface Props {
  names: readonly string[];
  unit: string;
  lines: readonly Line[];
  fromMs: number;
  toMs: number;
  height: number;
  onZoom: (fromMs: number, toMs: number) => void;
}

const colour = (i: number): string => strokeOf(i)[dark.value ? "dark" : "light"];

function options(p: Props, width: number, span: () => Props, onCursor: (i: number | null) => void): uPlot.Options {
  const ink = readInk();
  const shared = { stroke: ink.soft, font: ink.font, grid: { stroke: ink.hair, width: 1 }, ticks: { show: false } };
  return {
    width,
    height: p.height,
    ms: 1,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { sync: { key: "page" }, drag: { x: true, y: false, setScale: false }, y: false },
    scales: { x: { time: true, range: () => [span().fromMs, span().toMs] } },
    axes: [
      {
        ...shared,
        space: 84,
        size: 26,
        values: (_u, s) =>
          s.map((v) => (span().toMs - span().fromMs > 864e5 ? dayClock(v) : clock(v).replace(/:00$/, ""))),
      },
      { ...shared, space: 34, size: 72, values: (_u, s) => s.map((v) => quantity(v, p.unit)) },
    ],
    series: [
      {},
      ...p.names.map((_, i) => ({ stroke: colour(i), width: 1.6, dash: strokeOf(i).dash, points: { show: false } })),
    ],
    hooks: {
      setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width > 4)
            span().onZoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

export function LinesChart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef(props);
  now.current = props;
  const at = useSignal<number | null>(null);
  const data = useMemo(() => joined(props.lines), [props.lines]);
  const aligned = [data.ts, ...data.values] as uPlot.AlignedData;
  useLayoutEffect(() => {
    const host = box.current;
    if (!host) return;
    const made = new uPlot(
      options(
        props,
        host.clientWidth || 500,
        () => now.current,
        (i) => (at.value = i),
      ),
      aligned,
      host,
    );
    plot.current = made;
    const sizes = new ResizeObserver(
      () => host.clientWidth && made.setSize({ width: host.clientWidth, height: now.current.height }),
    );
    sizes.observe(host);
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark.value, lang.value, props.unit, props.height, props.names.join("|")]);
  useEffect(() => plot.current?.setData(aligned), [data, props.fromMs, props.toMs]);
  const valueAt = (i: number): number | null => {
    const column = data.values[i] ?? [];
    return (at.value === null ? column.findLast((v) => v != null) : column[at.value]) ?? null;
  };
  return (
    <figure class="chart">
      <div
        ref={box}
        class="chart-box"
        role="img"
        aria-label={t("parts.lines", { n: props.names.length, names: props.names.join("; ") })}
      />
      <ul class="legend">
        {props.names.map((name, i) => (
          <li key={name}>
            <svg viewBox="0 0 24 6" width="24" height="6" aria-hidden="true">
              <path d="M0 3H24" stroke={colour(i)} stroke-width="2.5" stroke-dasharray={strokeOf(i).dash.join(" ")} />
            </svg>
            <span>{name}</span>
            <b>{quantity(valueAt(i), props.unit)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}
