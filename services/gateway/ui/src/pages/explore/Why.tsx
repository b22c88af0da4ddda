// Behind a chart: what is regular about the series and why its newest value is odd or not. Asked only when opened.
import { useSignal } from "@preact/signals";
import { get } from "../../api/http";
import type { RangeSeries } from "../../api/types";
import { known, t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { useResource } from "../../state/resource";
import { span } from "../../time/format";
import { number, percent, quantity } from "../../units/format";

interface Pattern {
  season_s?: number;
  season_strength?: number;
  trend?: string;
  slope_per_day?: number;
  slope_low?: number;
  slope_high?: number;
  profile?: number[];
  shapes?: string[];
}

interface Explained {
  score?: number | null;
  state?: string;
  text?: string;
  terms?: Record<string, number>;
}

/** A path over 200 × 40 for one season of the profile. */
export function profilePath(profile: readonly number[]): string {
  const low = Math.min(...profile);
  const high = Math.max(...profile);
  const reach = high - low || 1;
  return profile
    .map(
      (v, i) =>
        `${i ? "L" : "M"}${((i / Math.max(profile.length - 1, 1)) * 200).toFixed(1)} ${(38 - ((v - low) / reach) * 36).toFixed(1)}`,
    )
    .join("");
}

function Regular({ pattern: p, unit }: { pattern: Pattern; unit: string }) {
  return (
    <dl class="facts">
      <div>
        <dt>{t("explore.season")}</dt>
        <dd>
          {p.season_s
            ? t("explore.season_of", { span: span(p.season_s * 1000), strength: percent(p.season_strength ?? 0) })
            : t("explore.season_none")}
        </dd>
      </div>
      <div>
        <dt>{t("explore.trend")}</dt>
        <dd>
          {known(`explore.trend_${p.trend ?? "learning"}`) ?? p.trend}
          {p.slope_per_day ? ` (${quantity(p.slope_low, unit)} – ${quantity(p.slope_high, unit)} / d)` : ""}
        </dd>
      </div>
      {(p.shapes ?? []).length > 0 && (
        <div>
          <dt>{t("explore.shapes")}</dt>
          <dd>{p.shapes?.join("; ")}</dd>
        </div>
      )}
      {(p.profile ?? []).length > 1 && (
        <div>
          <dt>{t("explore.profile")}</dt>
          <dd>
            <svg class="profile" viewBox="0 0 200 40" role="img" aria-label={t("explore.profile")}>
              <path d={profilePath(p.profile ?? [])} />
            </svg>
          </dd>
        </div>
      )}
    </dl>
  );
}

function Inner({ series }: { series: RangeSeries }) {
  const pattern = useResource<Pattern>(`p${series.id}`, (abort) => get(`/series/${series.id}/pattern`, {}, abort));
  const explained = useResource<Explained>(`x${series.id}`, (abort) => get(`/series/${series.id}/explain`, {}, abort));
  return (
    <div class="why">
      <Ready of={explained}>
        {(x) => (
          <p>
            {x.text}
            {Object.entries(x.terms ?? {}).map(([name, value]) => (
              <span key={name} class="term">
                {name} <b>{number(value)}</b>
              </span>
            ))}
          </p>
        )}
      </Ready>
      <Ready of={pattern}>{(p) => <Regular pattern={p} unit={series.unit} />}</Ready>
    </div>
  );
}

export function Why({ series }: { series: RangeSeries }) {
  const open = useSignal(false);
  return (
    <details class="why-box" onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary>{t("explore.why")}</summary>
      {open.value && <Inner series={series} />}
    </details>
  );
}
