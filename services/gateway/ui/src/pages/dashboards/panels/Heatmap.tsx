// Score of several series over time: one row a series; the stronger, the darker; from the boundary on in vermilion with a mark.
import { useEffect, useRef } from "preact/hooks";
import type { RangeSeries } from "../../../api/types";
import { readInk } from "../../../charts/ink";
import { useColumns } from "../../../charts/useColumns";
import { t } from "../../../i18n";
import { Ready } from "../../../parts/Notes";
import { dark } from "../../../state/prefs";
import type { PanelProps } from "../registry";
import { useSeries } from "../useSeries";
import { cells } from "./cells";
import { shortNames } from "./Lines";
import { NoSeries } from "./NoSeries";

const columnsShown = 60;

function Picture({ series, range, height }: { series: RangeSeries[]; range: PanelProps["range"]; height: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const names = shortNames(series);
  const grid = series.map((s) => cells(s.ts, s.score, range.fromMs, range.toMs, columnsShown));
  useEffect(() => {
    const c = canvas.current;
    const ctx = c?.getContext("2d");
    if (!c || !ctx) return;
    const ratio = devicePixelRatio;
    c.width = c.clientWidth * ratio;
    c.height = c.clientHeight * ratio;
    const ink = readInk();
    const [w, h] = [c.width / columnsShown, c.height / Math.max(grid.length, 1)];
    grid.forEach((row, y) => {
      row.forEach((s, x) => {
        if (s === null) return;
        ctx.fillStyle = s >= 1 ? ink.shu : ink.kon;
        ctx.globalAlpha = s >= 1 ? Math.min(1, 0.55 + s / 6) : 0.08 + 0.4 * s;
        ctx.fillRect(x * w, y * h, w - ratio, h - ratio);
        if (s < 1) return;
        ctx.globalAlpha = 1;
        ctx.fillStyle = ink.ink;
        ctx.fillRect(x * w + w / 2 - ratio, y * h + h / 2 - ratio, 2 * ratio, 2 * ratio);
      });
    });
  });
  const odd = grid.flat().filter((s) => (s ?? 0) >= 1).length;
  return (
    <div class="heat" key={`${dark.value}`}>
      <ul style={{ height: `${height - 8}px` }}>
        {names.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      <canvas
        ref={canvas}
        role="img"
        style={{ height: `${height - 8}px` }}
        aria-label={t("dashboards.heat", { n: names.length, odd })}
      />
    </div>
  );
}

function Drawn({ ids, range, height }: { ids: string[]; range: PanelProps["range"]; height: number }) {
  const found = useColumns(ids, range);
  return (
    <Ready of={found}>
      {(d) => (
        <Picture
          series={d.drawn.map((x) => ({ ...x.series, ts: x.columns.ts, score: x.columns.score }))}
          range={range}
          height={height}
        />
      )}
    </Ready>
  );
}

export default function Heatmap({ query, range, height }: PanelProps) {
  const found = useSeries(query);
  if (!found.data && !found.loading && !found.error) return <NoSeries />;
  return (
    <Ready of={found}>
      {(page) =>
        page.items.length === 0 ? (
          <NoSeries asked />
        ) : (
          <Drawn ids={page.items.map((s) => s.id)} range={range} height={height} />
        )
      }
    </Ready>
  );
}
