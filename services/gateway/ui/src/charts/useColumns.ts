// The columns of the chosen series: asked once a range, then fed by the live line while the range ends now.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, source } from "../api/http";
import { live } from "../api/live";
import type { LivePoints, RangeAnswer, RangeSeries } from "../api/types";
import { type Resource, useResource } from "../state/resource";
import type { Range } from "../time/range";
import { appendLive, type Columns, columnsOf } from "./columns";

export interface Drawn {
  series: RangeSeries;
  columns: Columns;
}

export interface Drawings {
  stepMs: number;
  drawn: Drawn[];
}

const points = 600;

/** Raw rows take live points as they are; buckets are asked again when one more is full. */
const rawAppend = (answer: Drawings, got: LivePoints[], fromMs: number): Drawings => ({
  ...answer,
  drawn: answer.drawn.map((d) => {
    const fresh = got.find((p) => p.id === d.series.id);
    return fresh ? { ...d, columns: appendLive(d.columns, fresh, fromMs) } : d;
  }),
});

export function useColumns(ids: readonly string[], range: Range & { key: string }, shiftMs = 0): Resource<Drawings> {
  const turn = useSignal(0);
  const key = ids.length === 0 ? null : `${ids.join()}|${range.key}|${shiftMs}|${turn.value}`;
  const found = useResource<Drawings>(key, async (abort) => {
    const answer = await get<RangeAnswer>(
      "/range",
      { series: ids, from: Math.round(range.fromMs - shiftMs), to: Math.round(range.toMs - shiftMs), points },
      abort,
    );
    return { stepMs: answer.step_ms, drawn: answer.series.map((series) => ({ series, columns: columnsOf(series) })) };
  });
  const { data, put } = found;
  const isLive = range.live && shiftMs === 0 && !source.get;
  const stepMs = data?.stepMs ?? 0;
  // Runs again only for what is listed: the subscription belongs to series and kind of range, not to each answer
  useEffect(() => {
    if (!isLive || !data || stepMs > 0) return;
    let latest = data;
    return live.want({
      series: [...ids],
      onPoints: (got) => {
        latest = rawAppend(latest, got, Date.now() - (range.toMs - range.fromMs));
        put(latest);
      },
    });
  }, [isLive, ids.join(), range.key, data === null, stepMs]);
  useEffect(() => {
    if (!isLive || stepMs === 0) return;
    const timer = setInterval(() => !document.hidden && turn.value++, Math.max(stepMs, 5000));
    return () => clearInterval(timer);
  }, [isLive, stepMs, turn]);
  return found;
}
