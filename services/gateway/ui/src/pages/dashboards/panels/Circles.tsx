// The adapter to Chart.js for round and mixed charts; its 45 KB come only when such a panel is on screen.
import { useEffect, useRef } from "preact/hooks";
import type { SeriesRow } from "../../../api/types";
import { readInk } from "../../../charts/ink";
import { strokeOf } from "../../../charts/lines";
import { Ready } from "../../../parts/Notes";
import { dark } from "../../../state/prefs";
import { quantity } from "../../../units/format";
import type { PanelProps } from "../registry";
import { useSeries } from "../useSeries";
import { shortNames } from "./Lines";
import { NoSeries } from "./NoSeries";

type Kind = "pie" | "doughnut" | "radar" | "mixed";

function Round({ kind, rows, height }: { kind: Kind; rows: SeriesRow[]; height: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const names = shortNames(rows);
  const values = rows.map((r) => r.value ?? 0);
  useEffect(() => {
    let gone = false;
    let chart: { destroy: () => void } | null = null;
    import("./chartjs").then(({ draw }) => {
      if (gone || !canvas.current) return;
      chart = draw(
        canvas.current,
        kind,
        names,
        values,
        rows.map((_, i) => strokeOf(i)[dark.value ? "dark" : "light"]),
        readInk(),
      );
    });
    return () => {
      gone = true;
      chart?.destroy();
    };
  }, [kind, dark.value, names.join(), values.join()]);
  return (
    <div class="round" style={{ height: `${height - 8}px` }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={rows.map((r, i) => `${names[i]} ${quantity(r.value, r.unit)}`).join("; ")}
      />
    </div>
  );
}

export function panelOf(kind: Kind) {
  return function Circle({ query, height }: PanelProps) {
    const found = useSeries(query);
    if (!found.data && !found.loading && !found.error) return <NoSeries />;
    return (
      <Ready of={found}>
        {(page) =>
          page.items.length === 0 ? <NoSeries asked /> : <Round kind={kind} rows={page.items} height={height} />
        }
      </Ready>
    );
  };
}
