// Worst score over time as strokes of ink around the boundary: what stays below is quiet, what crosses it is a sign.
import { t } from "../i18n";
import { number } from "../units/format";

/** A score of three boundaries fills the strip. */
const topScore = 3;

/** Height of a bar in the strip's own units (0-30); the boundary, 1.0, lies at 12 so that quiet series still show their life. */
export function barHeight(score: number): number {
  if (score <= 1) return Math.max(0.8, score * 12);
  return 12 + (Math.min(score, topScore) - 1) * 9;
}

export function SignStrip({ scores, label }: { scores: readonly (number | null)[]; label: string }) {
  const worst = scores.reduce<number>((a, b) => Math.max(a, b ?? 0), 0);
  const width = Math.max(scores.length, 1) * 4;
  const bars = (over: boolean): string =>
    scores
      .map((s, i) => (s === null || s >= 1 !== over ? "" : `M${i * 4 + 0.5} 30h3v${(-barHeight(s)).toFixed(1)}h-3z`))
      .join("");
  return (
    <svg
      class="sign"
      viewBox={`0 0 ${width} 30`}
      preserveAspectRatio="none"
      role="img"
      aria-label={t("parts.strip", { label, n: number(worst) })}
    >
      <path class="sign-low" d={bars(false)} />
      <path class="sign-high" d={bars(true)} />
      <path class="sign-line" d={`M0 18H${width}`} />
    </svg>
  );
}
