// How a series is named on screen: the metric, then what tells it from its sisters.
import type { Labels } from "../api/types";

/** Labels that say where a series comes from stand first. */
const first = ["service", "host", "instance", "endpoint"];

export function orderedLabels(labels: Labels): [string, string][] {
  const rank = (name: string): number => (first.includes(name) ? first.indexOf(name) : first.length);
  return Object.entries(labels).sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b));
}

/** One line: `latency_ms service=cart endpoint=/pay`. */
export function seriesName(metric: string, labels: Labels): string {
  return [metric, ...orderedLabels(labels).map(([name, value]) => `${name}=${value}`)].join(" ");
}

export function SeriesName({ metric, labels }: { metric: string; labels: Labels }) {
  return (
    <span class="series-name" title={seriesName(metric, labels)}>
      <b>{metric}</b>
      {orderedLabels(labels).map(([name, value]) => (
        <span key={name}>
          <span class="only-read">{name} </span>
          {value}
        </span>
      ))}
    </span>
  );
}
