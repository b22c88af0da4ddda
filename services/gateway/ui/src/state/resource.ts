// Data that a page asks for: the last good answer stays on screen while a new one is on its way, a late answer to an old question is dropped.
import { type Signal, useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import type { ApiError } from "../api/http";

export interface Resource<T> {
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  /** When the data came, in ms since the epoch. */
  atMs: number;
  reload: () => void;
  put: (data: T) => void;
}

/** Loads again whenever the key changes; a null key asks nothing. */
export function useResource<T>(key: string | null, load: (abort: AbortSignal) => Promise<T>): Resource<T> {
  const state: Signal<Omit<Resource<T>, "reload" | "put">> = useSignal({
    data: null,
    error: null,
    loading: key !== null,
    atMs: 0,
  });
  const turn = useSignal(0);
  // Runs again only for what is listed: the key names all that the loader depends on
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    state.value = { ...state.peek(), loading: true };
    load(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) state.value = { data, error: null, loading: false, atMs: Date.now() };
      },
      (error: ApiError) => {
        if (!abort.signal.aborted) state.value = { ...state.peek(), error, loading: false };
      },
    );
    return () => abort.abort();
  }, [key, turn.value]);
  const reload = useCallback(() => {
    turn.value++;
  }, [turn]);
  const put = useCallback(
    (data: T) => {
      state.value = { data, error: null, loading: false, atMs: Date.now() };
    },
    [state],
  );
  return { ...state.value, reload, put };
}

/** Calls back at a steady pace while the page is in view. */
export function useEvery(ms: number, f: () => void): void {
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) f();
    }, ms);
    return () => clearInterval(timer);
  }, [ms, f]);
}
