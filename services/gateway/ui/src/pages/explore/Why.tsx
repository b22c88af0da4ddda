// Behind a chart: what is regular about the series and why its newest value is odd or not. Asked only when opened.
import { useSignal } from "@preact/signals";
import { type ApiError, get } from "../../api/http";
import type { RangeSeries } from "../../api/types";
import { profilePath } from "../../charts/profile";
import { known, t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Ready } from "../../parts/Notes";
import { useResource } from "../../state/resource";
import { span } from "../../time/format";
import { percent, quantity, score } from "../../units/format";

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
  verdict: string;
  row: { value: number; score: number; point: number | null; novelty: number | null } | null;
  gates: { gate: string; open: boolean; text: string }[];
  notes: { note: string; text: string }[];
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

function Verdict({ explained: x }: { explained: Explained }) {
  const closed = x.gates.find((g) => !g.open);
  const row = x.row;
  return (
    <p>
      <Mark state={x.verdict === "odd" ? "odd" : "ok"} /> <b>{known(`explore.verdict_${x.verdict}`) ?? x.verdict}</b>
      {row && (
        <>
          <span class="term">
            {t("explore.head_point")} <b>{score(row.point)}</b>
          </span>
          <span class="term">
            {t("explore.head_novelty")} <b>{score(row.novelty)}</b>
          </span>
        </>
      )}
      {closed?.text && <span class="soft why-text">{known(`explore.gate_${closed.gate}`) ?? closed.text}</span>}
      {x.notes.map((n) => (
        <span key={n.note} class="soft why-text">
          {known(`explore.note_${n.note}`) ?? n.text}
        </span>
      ))}
    </p>
  );
}

function Inner({ series }: { series: RangeSeries }) {
  const pattern = useResource<Pattern | null>(`p${series.id}`, (abort) =>
    get<Pattern>(`/series/${series.id}/pattern`, {}, abort).catch((e: ApiError) => {
      // Not yet known is an answer, not an error.
      if (e.status === 404) return null;
      throw e;
    }),
  );
  const explained = useResource<Explained>(`x${series.id}`, (abort) => get(`/series/${series.id}/explain`, {}, abort));
  return (
    <div class="why">
      <Ready of={explained}>{(x) => <Verdict explained={x} />}</Ready>
      {pattern.data ? (
        <Regular pattern={pattern.data} unit={series.unit} />
      ) : (
        <p class="soft">{t("explore.no_pattern")}</p>
      )}
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
