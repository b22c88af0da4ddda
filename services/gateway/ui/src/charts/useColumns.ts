// The columns of the chosen series: asked once a range, then fed by the live line while the range ends now.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, source } from "../api/http";
import { live } from "../api/live";
import type { LivePoints, RangeAnswer, RangeSeries } from "../api/types";
import { type Resource, useResource } from "../state/resource";
import type { Range } from "../time/range";
import { appendLive, columnsOf, type Folded, foldLive } from "./columns";

export interface Drawn extends Folded {
  series: RangeSeries;
}

export interface Drawings {
  stepMs: number;
  drawn: Drawn[];
}

const points = 600;
/** What landed late, or was conflated on the way, is in the next answer. */
const askAgainMs = 60_000;
/** Younger rows may not have been stored when an answer was made: their live points are taken again, as many messages as come in that time. */
const landedMs = 15_000;
const keptMessages = 30;

/** Raw rows take live points as they are; into buckets they are folded. */
export const taken = (answer: Drawings, got: LivePoints[], fromMs: number): Drawings => ({
  ...answer,
  drawn: answer.drawn.map((d) => {
    const fresh = got.find((p) => p.id === d.series.id);
    if (!fresh) return d;
    return answer.stepMs > 0
      ? { ...d, ...foldLive(d, fresh, fromMs, answer.stepMs) }
      : { ...d, columns: appendLive(d.columns, fresh, fromMs) };
  }),
});

export function useColumns(ids: readonly string[], range: Range & { key: string }, shiftMs = 0): Resource<Drawings> {
  const turn = useSignal(0);
  const heard = useRef<LivePoints[][]>([]);
  const isLive = range.live && shiftMs === 0 && !source.get;
  const key = ids.length === 0 ? null : `${ids.join()}|${range.key}|${shiftMs}|${turn.value}`;
  const found = useResource<Drawings>(key, async (abort) => {
    const answer = await get<RangeAnswer>(
      "/range",
      { series: ids, from: Math.round(range.fromMs - shiftMs), to: Math.round(range.toMs - shiftMs), points },
      abort,
    );
    const drawn = answer.series.map((series) => ({
      series,
      columns: columnsOf(series),
      heardMs: range.toMs - landedMs,
      n: series.last_rows ?? 0,
    }));
    const made = { stepMs: answer.step_ms, drawn };
    return isLive ? heard.current.reduce((d, got) => taken(d, got, range.fromMs), made) : made;
  });
  const { data, put } = found;
  const stepMs = data?.stepMs ?? 0;
  const shown = useRef(data);
  shown.current = data;
  // Runs again only for what is listed: the subscription belongs to the series, not to each answer
  useEffect(() => {
    if (!isLive || !data) return;
    const again = (): void => {
      turn.value++;
    };
    return live.want({
      series: [...ids],
      onPoints: (got) => {
        heard.current = [...heard.current.slice(1 - keptMessages), got];
        if (!shown.current) return;
        shown.current = taken(shown.current, got, Date.now() - (range.toMs - range.fromMs));
        put(shown.current);
      },
      onError: again,
      ...(stepMs > 0 && { onBack: again }),
    });
  }, [isLive, ids.join(), range.key, data === null, stepMs > 0]);
  useEffect(() => {
    if (!isLive || stepMs === 0) return;
    const timer = setInterval(() => !document.hidden && turn.value++, Math.max(stepMs, askAgainMs));
    return () => clearInterval(timer);
  }, [isLive, stepMs, turn]);
  return found;
}
