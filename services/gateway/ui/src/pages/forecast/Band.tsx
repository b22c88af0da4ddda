// When something will have happened, as far as is known: the outer interval, the likely half of it, and the middle, on a line from now on.
import type { Risk } from "../../api/types";
import { t } from "../../i18n";
import { dayClock, span } from "../../time/format";

export interface Places {
  outer: [number, number];
  inner: [number, number];
  middle: number;
}

/** Places on a line of 0 to 100 from now to an end; an interval that has no end within sight runs to the edge. */
export function bandPlaces(r: Risk, nowMs: number, endMs: number): Places | null {
  if (r.eta_low_ms == null && r.eta_ms == null) return null;
  const at = (ms: number | null | undefined, none: number): number =>
    ms == null ? none : Math.min(100, Math.max(0, ((ms - nowMs) / (endMs - nowMs)) * 100));
  const middle = at(r.eta_ms, 100);
  // A date alone, as of a ticket's promise, has no band.
  const low = at(r.eta_low_ms, middle);
  const high = at(r.eta_high_ms, r.eta_low_ms == null ? middle : 100);
  return {
    outer: [low, high],
    inner: [at(r.eta_inner_low_ms, low), at(r.eta_inner_high_ms, high)],
    middle,
  };
}

export function whenWords(r: Risk, nowMs: number): string {
  if (r.eta_ms == null) {
    if (r.kind === "ticket") return t("forecast.overdue");
    if (r.eta_low_ms != null) return t("forecast.not_before", { time: dayClock(r.eta_low_ms) });
    return t("forecast.not_within", { span: span((r.horizon_s ?? 0) * 1000) });
  }
  return r.eta_ms > nowMs ? t("forecast.eta", { span: span(r.eta_ms - nowMs) }) : t("forecast.now");
}

export function EtaBand({ risk: r, endMs }: { risk: Risk; endMs: number }) {
  const now = Date.now();
  const p = bandPlaces(r, now, endMs);
  return (
    <span class="eta">
      <svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
        <path class="eta-line" d="M0 6H100" />
        {p && (
          <>
            <rect class="eta-outer" x={p.outer[0]} width={Math.max(p.outer[1] - p.outer[0], 0.6)} y="2" height="8" />
            <rect class="eta-inner" x={p.inner[0]} width={Math.max(p.inner[1] - p.inner[0], 0.6)} y="2" height="8" />
            {p.middle < 100 && <path class="eta-middle" d={`M${p.middle} 0V12`} />}
          </>
        )}
      </svg>
      <span>
        <b>{whenWords(r, now)}</b>
        {r.eta_low_ms != null && r.eta_high_ms != null && (
          <span class="soft">
            {" "}
            {t("forecast.between", { from: dayClock(r.eta_low_ms), to: dayClock(r.eta_high_ms) })}
          </span>
        )}
      </span>
    </span>
  );
}
