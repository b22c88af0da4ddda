// One risk: how likely, by when, and what speaks for and against it. A model that cannot say keeps silent and says why.
import type { Risk } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { setQuery } from "../../state/location";
import { dayClock, span } from "../../time/format";
import { number, percent } from "../../units/format";

/** Burn rates in the order of their windows, shortest first. */
export function burnOrder(burn: Record<string, number>): [string, number][] {
  const unit: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  const seconds = (w: string): number => Number.parseFloat(w) * (unit[w.replace(/[\d.]/g, "")] ?? 1);
  return Object.entries(burn).sort(([a], [b]) => seconds(a) - seconds(b));
}

function Budget({ left }: { left: number }) {
  const share = Math.max(0, Math.min(1, left));
  return (
    <span class="budget">
      <svg
        viewBox="0 0 100 8"
        preserveAspectRatio="none"
        role="img"
        aria-label={t("forecast.budget_left", { p: percent(left) })}
      >
        <rect class="budget-all" width="100" height="8" rx="2" />
        <rect class={share < 0.25 ? "budget-low" : "budget-left"} width={share * 100} height="8" rx="2" />
      </svg>
      {t("forecast.budget_left", { p: percent(left) })}
    </span>
  );
}

function When({ risk: r }: { risk: Risk }) {
  if (!r.eta_ms) return null;
  const wait = r.eta_ms - Date.now();
  return (
    <span>
      {wait > 0 ? t("forecast.eta", { span: span(wait) }) : t("forecast.now")}
      {r.eta_low_ms && r.eta_high_ms ? (
        <span class="soft">
          {" "}
          {dayClock(r.eta_low_ms)} – {dayClock(r.eta_high_ms)}
        </span>
      ) : null}
    </span>
  );
}

function Reasons({ risk: r }: { risk: Risk }) {
  const factors = r.factors ?? [];
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

export function RiskLine({ risk: r }: { risk: Risk }) {
  return (
    <li class="risk">
      <p class="risk-head">
        <Mark state={r.firing ? (r.severity ?? "warning") : "ok"} />
        <b>{r.entity}</b>
        <span>{r.title}</span>
        <span class="risk-p num">{r.probability == null ? t("forecast.abstains") : percent(r.probability)}</span>
      </p>
      <div class="risk-more">
        {r.budget_left != null && <Budget left={r.budget_left} />}
        <When risk={r} />
        {r.burn && Object.keys(r.burn).length > 0 && (
          <span class="soft">
            {t("forecast.burn")}{" "}
            {burnOrder(r.burn)
              .map(([w, v]) => `${w} ${number(v)}×`)
              .join(" · ")}
          </span>
        )}
        {r.reason && <span class="soft">{r.reason}</span>}
        {r.series_id && (
          <button type="button" class="btn" onClick={() => setQuery({ series: r.series_id ?? null }, false)}>
            {t("forecast.show")}
          </button>
        )}
        <Reasons risk={r} />
      </div>
    </li>
  );
}
