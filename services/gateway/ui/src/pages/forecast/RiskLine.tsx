// One risk: how likely, by when, and what speaks for and against it. A model that cannot say keeps silent and says why.
import type { ComponentChildren } from "preact";
import type { Risk } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { setQuery } from "../../state/location";
import { chance, number, percent, quantity } from "../../units/format";
import { EtaBand } from "./Band";

/** Burn rates in the order of their windows, shortest first. */
export function burnOrder(burn: Record<string, number>): [string, number][] {
  const unit: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  const seconds = (w: string): number => Number.parseFloat(w) * (unit[w.replace(/[\d.]/g, "")] ?? 1);
  return Object.entries(burn).sort(([a], [b]) => seconds(a) - seconds(b));
}

/** Shares of good events differ in the third digit behind the nines. */
const fine = (ratio: number): string => `${number(Math.round(ratio * 1e5) / 1e3, 3)}\u00a0%`;

/** Factors that carry a record for the screen rather than a reason. */
const records = ["promise", "track record", "reliability"];
export const textOf = (r: Risk, name: string): string => r.factors?.find((f) => f.name === name)?.text ?? "";

function Bar({ share, low, label }: { share: number; low: boolean; label: string }) {
  return (
    <span class="budget">
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="budget-all" width="100" height="8" rx="2" />
        <rect class={low ? "budget-low" : "budget-left"} width={Math.max(0, Math.min(1, share)) * 100} height="8" />
      </svg>
      {label}
    </span>
  );
}

function Burn({ burn }: { burn: Record<string, number> }) {
  return (
    <span class="soft">
      {t("forecast.burn")}{" "}
      {burnOrder(burn).map(([w, v]) => (
        <span key={w} class={v > 1 ? "burning" : ""}>
          {w} {number(v)}×{" "}
        </span>
      ))}
    </span>
  );
}

export function Reasons({ risk: r }: { risk: Risk }) {
  const factors = (r.factors ?? []).filter((f) => !records.includes(f.name));
  if (factors.length === 0) return null;
  return (
    <details>
      <summary>{t("forecast.reasons")}</summary>
      <ul class="factors">
        {factors.map((f) => (
          <li key={f.name}>
            <b class="num">
              {f.contribution > 0 ? "+" : ""}
              {number(f.contribution)}
            </b>
            <span>{f.text || f.name}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What the kind alone can say. */
function Standing({ risk: r, endMs }: { risk: Risk; endMs: number }) {
  if (r.kind === "ticket") {
    const used = r.value ?? 0;
    const name = textOf(r, "promise") === "respond" ? "forecast.used_respond" : "forecast.used_resolve";
    return (
      <>
        <Bar share={used} low={used >= 0.8} label={t(name, { p: percent(used) })} />
        <EtaBand risk={r} endMs={endMs} />
      </>
    );
  }
  return (
    <>
      {r.budget_left != null && (
        <Bar
          share={r.budget_left}
          low={r.budget_left < 0.25}
          label={t("forecast.budget_left", { p: percent(r.budget_left) })}
        />
      )}
      {r.kind === "capacity" && r.value != null && r.threshold != null && (
        <span class="soft">{t("forecast.value_of", { value: quantity(r.value), limit: quantity(r.threshold) })}</span>
      )}
      {r.kind === "slo" && r.value != null && r.threshold != null && (
        <span class="soft">{t("forecast.good_of", { good: fine(r.value), promised: fine(r.threshold) })}</span>
      )}
      <EtaBand risk={r} endMs={endMs} />
    </>
  );
}

export function RiskLine({ risk: r, endMs, children }: { risk: Risk; endMs: number; children?: ComponentChildren }) {
  return (
    <li class="risk">
      <p class="risk-head">
        <Mark state={r.firing ? (r.severity ?? "warning") : "ok"} />
        <b>{r.entity}</b>
        <span>{r.title}</span>
        <span class="risk-p num">{r.probability == null ? t("forecast.abstains") : chance(r.probability)}</span>
      </p>
      <div class="risk-more">
        <Standing risk={r} endMs={endMs} />
        {r.burn && Object.keys(r.burn).length > 0 && <Burn burn={r.burn} />}
        {r.reason && <span class="soft">{r.reason}</span>}
        {r.series_id && (
          <button type="button" class="btn" onClick={() => setQuery({ series: r.series_id ?? null }, false)}>
            {t("forecast.show")}
          </button>
        )}
        {children}
        <Reasons risk={r} />
      </div>
    </li>
  );
}
