// Behind a chart: what is regular about the series and why its newest value is odd or not. Asked only when opened.
import { type Signal, useSignal } from "@preact/signals";
import { type ApiError, get } from "../../api/http";
import type { Episode, Page, RangeSeries } from "../../api/types";
import { profilePath } from "../../charts/profile";
import { known, t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Ready } from "../../parts/Notes";
import { linkTo } from "../../state/location";
import { useResource } from "../../state/resource";
import { dayClock, full, span } from "../../time/format";
import type { Range } from "../../time/range";
import { percent, quantity, score } from "../../units/format";
import { changed } from "../episodes/Line";

interface Props {
  series: RangeSeries;
  range: Range & { key: string };
  /** The moment that is asked about; null for the newest value. */
  at: Signal<number | null>;
}

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

const changes = ["step", "trend", "variance", "season"];

/** Where the series became another one within the range. */
function ChangePoints({ id, range }: { id: string; range: Range & { key: string } }) {
  const found = useResource<Page<Episode>>(`c${id}${range.key}`, (abort) =>
    get("/episodes", { series: id, from: Math.round(range.fromMs), to: Math.round(range.toMs), limit: 100 }, abort),
  );
  const list = (found.data?.items ?? []).filter((e) => changes.includes(e.kind));
  if (list.length === 0) return null;
  return (
    <p>
      <span class="soft">{t("explore.changes")}</span>
      {list.map((e) => (
        <a key={e.id} class="term" href={linkTo("/episodes", { open: e.id, series: id })}>
          {known(`explore.change_${e.kind}`) ?? e.kind} {dayClock(e.opened_ms)}:{" "}
          {changed(e) ?? `${quantity(e.expected, e.unit)} › ${quantity(e.value, e.unit)}`}
        </a>
      ))}
    </p>
  );
}

function Inner({ series, range, at }: Props) {
  const pattern = useResource<Pattern | null>(`p${series.id}`, (abort) =>
    get<Pattern>(`/series/${series.id}/pattern`, {}, abort).catch((e: ApiError) => {
      // Not yet known is an answer, not an error.
      if (e.status === 404) return null;
      throw e;
    }),
  );
  const explained = useResource<Explained>(`x${series.id}${at.value}`, (abort) =>
    get(`/series/${series.id}/explain`, { at: at.value }, abort),
  );
  return (
    <div class="why">
      <p class="soft">
        {at.value ? t("explore.why_at", { time: full(at.value) }) : t("explore.why_now")}
        {at.value && (
          <button type="button" class="btn plain" onClick={() => (at.value = null)}>
            {t("explore.why_newest")}
          </button>
        )}
      </p>
      <Ready of={explained}>{(x) => <Verdict explained={x} />}</Ready>
      <ChangePoints id={series.id} range={range} />
      {pattern.data ? (
        <Regular pattern={pattern.data} unit={series.unit} />
      ) : (
        <p class="soft">{t("explore.no_pattern")}</p>
      )}
    </div>
  );
}

export function Why(props: Props) {
  const open = useSignal(false);
  return (
    <details
      class="why-box"
      open={open.value || props.at.value !== null}
      onToggle={(e) => (open.value = e.currentTarget.open)}
    >
      <summary>{t("explore.why")}</summary>
      {open.value && <Inner {...props} />}
    </details>
  );
}
