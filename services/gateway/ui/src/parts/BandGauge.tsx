// Where a value stands against what was expected: the band is the box, the value the needle.
import { t } from "../i18n";
import { quantity } from "../units/format";

interface Reading {
  value: number;
  lower: number;
  upper: number;
  expected: number;
  unit: string;
}

/** Positions in percent of the gauge. The band has a third of the width, less for a far value, never less than a twelfth: beyond, the needle stands at the end. */
export function gaugePlaces({ value, lower, upper }: Reading): { from: number; to: number; at: number } {
  const half = Math.max((upper - lower) / 2, Math.abs(value) * 1e-6, 1e-9);
  const middle = (lower + upper) / 2;
  const reach = Math.min(Math.max(half * 3, Math.abs(value - middle) * 1.1), half * 12);
  const at = (v: number): number =>
    Math.min(100, Math.max(0, Math.round(((v - middle + reach) / (2 * reach)) * 1000) / 10));
  return { from: at(middle - half), to: at(middle + half), at: at(value) };
}

export function BandGauge(reading: Reading) {
  const { from, to, at } = gaugePlaces(reading);
  const outside = reading.value < reading.lower || reading.value > reading.upper;
  const words = t("parts.gauge", {
    value: quantity(reading.value, reading.unit),
    lower: quantity(reading.lower, reading.unit),
    upper: quantity(reading.upper, reading.unit),
  });
  return (
    <svg class="gauge" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label={words}>
      <path class="gauge-line" d="M0 6H100" />
      <rect class="gauge-band" x={from} y="2" width={Math.max(to - from, 0.5)} height="8" />
      <rect
        class={outside ? "gauge-out" : "gauge-in"}
        x={Math.min(Math.max(at - 0.8, 0), 98.4)}
        y="0"
        width="1.6"
        height="12"
      />
    </svg>
  );
}
