// The range of the present page, moving with the clock while its end is now.
import { useSignal } from "@preact/signals";
import { useCallback } from "preact/hooks";
import { one } from "../state/location";
import { useEvery } from "../state/resource";
import { type Range, resolveRange } from "../time/range";

/** `key` changes when the person changes the range, not when the clock ticks. */
export function useRange(fallback: string, tickMs = 1000): Range & { key: string } {
  const now = useSignal(Date.now());
  const tick = useCallback(() => {
    now.value = Date.now();
  }, [now]);
  useEvery(tickMs, tick);
  const range = resolveRange(one("from"), one("to"), now.value, fallback);
  return { ...range, key: `${one("from") || fallback}|${one("to")}` };
}
