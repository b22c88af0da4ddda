// The mark of a state: shape and colour say the same, a word for those who see neither.
import { known } from "../i18n";

export type MarkKind = "ok" | "odd" | "warn" | "info" | "stale" | "learning";

const shapes: Record<MarkKind, string> = {
  ok: "M8 2a6 6 0 1 0 .01 0",
  odd: "M8 1.5 15 14H1Z",
  warn: "M8 1 15 8 8 15 1 8Z",
  info: "M3 3h10v10H3Z",
  stale: "M2 6.500h12v3H2Z",
  learning: "M8 2a6 6 0 1 0 .01 0M8 5a3 3 0 1 1-.01 0",
};

const kinds: Record<string, MarkKind> = {
  critical: "odd",
  firing: "odd",
  open: "odd",
  anomaly: "odd",
  warning: "warn",
  pending: "warn",
  acknowledged: "info",
  missing: "stale",
  closed: "ok",
  resolved: "ok",
  normal: "ok",
  learn: "learning",
  warming: "learning",
};

/** The mark for a state's name as the server says it. */
export function markOf(state: string): MarkKind {
  if (state in shapes) return state as MarkKind;
  return kinds[state] ?? "info";
}

export const stateWord = (state: string): string => known(`parts.state_${state}`) ?? state;

export function Mark({ state, word = false }: { state: string; word?: boolean }) {
  const kind = markOf(state);
  const text = stateWord(state);
  return (
    <span class={`mark mark-${kind}`}>
      <svg
        viewBox="0 0 16 16"
        width="13"
        height="13"
        role={word ? "presentation" : "img"}
        aria-label={word ? undefined : text}
      >
        <path d={shapes[kind]} fill-rule="evenodd" />
      </svg>
      {word && text}
    </span>
  );
}
