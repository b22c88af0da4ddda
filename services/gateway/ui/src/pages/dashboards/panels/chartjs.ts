// The only file that knows Chart.js.
import {
  ArcElement,
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  DoughnutController,
  Filler,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PieController,
  PointElement,
  RadarController,
  RadialLinearScale,
  Tooltip,
} from "chart.js";
import type { Ink } from "../../../charts/ink";

Chart.register(
  ArcElement,
  BarController,
  BarElement,
  CategoryScale,
  DoughnutController,
  Filler,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PieController,
  PointElement,
  RadarController,
  RadialLinearScale,
  Tooltip,
);

/** A mean line over bars: the mixed chart of one row of values. */
const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / Math.max(values.length, 1);

export function draw(
  canvas: HTMLCanvasElement,
  kind: "pie" | "doughnut" | "radar" | "mixed",
  names: string[],
  values: number[],
  colours: string[],
  ink: Ink,
): Chart {
  const round = kind === "pie" || kind === "doughnut";
  const bars = { type: "bar" as const, label: "", data: values, backgroundColor: colours };
  const mean = {
    type: "line" as const,
    label: "x̄",
    data: values.map(() => meanOf(values)),
    borderColor: ink.ink,
    borderDash: [5, 4],
    pointRadius: 0,
  };
  const one = {
    label: "",
    data: values,
    backgroundColor: kind === "radar" ? `${colours[0]}33` : colours,
    borderColor: round ? ink.hair : (colours[0] ?? ink.kon),
    borderWidth: round ? 2 : 1.5,
  };
  return new Chart(canvas, {
    type: kind === "mixed" ? "bar" : kind,
    data: { labels: names, datasets: kind === "mixed" ? [bars, mean] : [one] },
    options: {
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      color: ink.soft,
      plugins: { legend: { display: round, position: "right", labels: { color: ink.ink, boxWidth: 12 } } },
      scales: round
        ? {}
        : kind === "radar"
          ? {
              r: {
                grid: { color: ink.hair },
                angleLines: { color: ink.hair },
                ticks: { color: ink.soft, backdropColor: "transparent" },
                pointLabels: { color: ink.ink },
              },
            }
          : {
              x: { ticks: { color: ink.soft }, grid: { display: false } },
              y: { ticks: { color: ink.soft }, grid: { color: ink.hair } },
            },
    },
  });
}
