// The chance of an incident of each service, by horizon, beside how such statements came out so far.
import type { Risk } from "../../api/types";
import { t } from "../../i18n";
import { span } from "../../time/format";
import { chance, percent } from "../../units/format";
import { textOf } from "./RiskLine";

/** Bins of a reliability diagram as the model sends them: answers, mean probability, share that came true. */
export function bins(risk: Risk): [number, number, number][] {
  try {
    const found: unknown = JSON.parse(textOf(risk, "reliability") || "[]");
    return Array.isArray(found) ? found.filter((b) => Array.isArray(b) && b.length === 3 && b[0] > 0) : [];
  } catch {
    return [];
  }
}

/** Risks of one service in order of their horizon; services with the most likely incident first. */
export function byEntity(risks: readonly Risk[]): [string, Risk[]][] {
  const groups = new Map<string, Risk[]>();
  for (const r of risks) groups.set(r.entity, [...(groups.get(r.entity) ?? []), r]);
  const worst = (list: Risk[]): number => Math.max(...list.map((r) => r.probability ?? -1));
  return [...groups]
    .map(([entity, list]): [string, Risk[]] => [entity, list.sort((a, b) => (a.horizon_s ?? 0) - (b.horizon_s ?? 0))])
    .sort(([a, x], [b, y]) => worst(y) - worst(x) || a.localeCompare(b));
}

/** Dots on the diagonal came true as often as they said; the larger, the more answers. */
function Reliability({ risk }: { risk: Risk }) {
  const found = bins(risk);
  if (found.length === 0) return null;
  const most = Math.max(...found.map((b) => b[0]));
  return (
    <svg
      class="reliability"
      viewBox="-4 -4 108 108"
      role="img"
      aria-label={t("forecast.reliability", {
        bins: found.map(([n, p, share]) => `${percent(p)} › ${percent(share)} (${n})`).join(", "),
      })}
    >
      <path d="M0 0V100H100M0 100 100 0" />
      {found.map(([n, p, share]) => (
        <circle key={p} cx={p * 100} cy={100 - share * 100} r={3 + 6 * Math.sqrt(n / most)} />
      ))}
    </svg>
  );
}

export function Outlook({ risks }: { risks: readonly Risk[] }) {
  return (
    <ul>
      {byEntity(risks).map(([entity, list]) => (
        <li key={entity} class="risk outlook">
          <b>{entity}</b>
          {list.map((r) => (
            <div key={r.id}>
              <span class="soft">{t("forecast.within", { span: span((r.horizon_s ?? 0) * 1000) })}</span>
              <b class="risk-p" title={r.reason}>
                {r.probability == null ? t("forecast.abstains") : chance(r.probability)}
              </b>
              {r.threshold != null && <span class="soft">{t("forecast.base_rate", { p: percent(r.threshold) })}</span>}
              <span class="soft">{textOf(r, "track record") || r.reason}</span>
              <Reliability risk={r} />
            </div>
          ))}
        </li>
      ))}
    </ul>
  );
}
