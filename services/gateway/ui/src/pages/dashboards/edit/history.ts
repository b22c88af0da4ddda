// Undo and redo: states in a row and a place among them. Changes under one key that follow each other (a drag) count as one.

export interface History<T> {
  states: readonly T[];
  at: number;
  key: string;
}

/** More steps than anybody goes back; the oldest are let go. */
const mostSteps = 100;

export const begin = <T>(state: T): History<T> => ({ states: [state], at: 0, key: "" });
export const present = <T>(h: History<T>): T => h.states[h.at] as T;
export const canUndo = <T>(h: History<T>): boolean => h.at > 0;
export const canRedo = <T>(h: History<T>): boolean => h.at < h.states.length - 1;

export function push<T>(h: History<T>, state: T, key = ""): History<T> {
  if (state === present(h)) return h;
  const same = key !== "" && key === h.key && h.at > 0;
  const kept = h.states.slice(0, same ? h.at : h.at + 1);
  const states = [...kept, state].slice(-mostSteps);
  return { states, at: states.length - 1, key };
}

export const undo = <T>(h: History<T>): History<T> => (canUndo(h) ? { ...h, at: h.at - 1, key: "" } : h);
export const redo = <T>(h: History<T>): History<T> => (canRedo(h) ? { ...h, at: h.at + 1, key: "" } : h);
