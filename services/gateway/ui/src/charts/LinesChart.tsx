// Several series in one chart, told apart by colour and by dash; the legend reads the values at the crosshair.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { t } from "../i18n";
import { dark, lang } from "../state/prefs";
import { quantity } from "../units/format";
import { type Ink, readInk } from "./ink";
import { joined, type Line, strokeOf } from "./lines";
import type { About, Note } from "./notes";
import type { Picture } from "./paint";
import { Surface } from "./Surface";
import { axisWords } from "./words";

interface Props {
  names: readonly string[];
  unit: string;
  lines: readonly Line[];
  fromMs: number;
  toMs: number;
  height: number;
  notes?: readonly Note[];
  about?: readonly About[];
  onZoom: (fromMs: number, toMs: number) => void;
}

const colour = (i: number): string => strokeOf(i)[dark.value ? "dark" : "light"];

export function linesPicture(p: Omit<Props, "height" | "onZoom">, ink: Ink): Picture {
  const data = joined(p.lines);
  return {
    ts: data.ts,
    fromMs: p.fromMs,
    toMs: p.toMs,
    areas: [],
    curves: data.values.map((values, i) => ({ values, stroke: colour(i), width: 1.6, dash: strokeOf(i).dash })),
    odd: [],
    notes: p.notes ?? [],
    about: p.about ?? [],
    ink,
    table: p.names.map((name, i) => ({ name, values: data.values[i] ?? [] })),
    ...axisWords(p.fromMs, p.toMs, p.unit),
  };
}

export function LinesChart(props: Props) {
  const { names, unit, lines, notes, fromMs, toMs } = props;
  const at = useSignal<number | null>(null);
  const ink = useMemo(readInk, [dark.value]);
  const picture = useMemo(() => linesPicture(props, ink), [lines, notes, unit, fromMs, toMs, ink, lang.value]);
  const valueAt = (i: number): number | null => {
    const column = picture.curves[i]?.values ?? [];
    return (at.value === null ? column.findLast((v) => v != null) : column[at.value]) ?? null;
  };
  return (
    <figure class="chart">
      <Surface
        picture={picture}
        height={props.height}
        sync="page"
        label={t("parts.lines", { n: names.length, names: names.join("; ") })}
        onCursor={(i) => (at.value = i)}
        onZoom={props.onZoom}
      />
      <ul class="legend">
        {names.map((name, i) => (
          <li key={name}>
            <svg viewBox="0 0 24 6" width="24" height="6" aria-hidden="true">
              <path d="M0 3H24" stroke={colour(i)} stroke-width="2.5" stroke-dasharray={strokeOf(i).dash.join(" ")} />
            </svg>
            <span>{name}</span>
            <b>{quantity(valueAt(i), unit)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}
