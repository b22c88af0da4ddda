// One episode: what, where, how far and how long in one line; opened, its curve and the person's verdict.
import { useSignal } from "@preact/signals";
import type { Episode } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { SeriesName } from "../../parts/series";
import { one, setQuery } from "../../state/location";
import { dayClock, full, span } from "../../time/format";
import { number, quantity, score } from "../../units/format";
import { Curve } from "./Curve";
import { Verdict } from "./Verdict";

/** Of change points of season and trend: period or slope before and now, which are no values of the series. */
export function changed(e: Episode): string | null {
  if (e.kind === "season") {
    const [before, now] = [e.expected, e.value].map((s) => (s ? span(s * 1000) : t("parts.no_season")));
    return `${before} › ${now}`;
  }
  return e.kind === "trend" ? `${quantity(e.expected ?? 0, e.unit)} › ${quantity(e.value ?? 0, e.unit)} / d` : null;
}

const arrows = { up: "↑", down: "↓", both: "±" };

function length(e: Episode, nowMs: number): string {
  return span((e.closed_ms ?? (e.state === "open" ? nowMs : e.updated_ms)) - e.opened_ms);
}

function Opened({ episode: e }: { episode: Episode }) {
  return (
    <div class="opened">
      <Curve episode={e} />
      <dl class="facts">
        <div>
          <dt>{t("episodes.opened")}</dt>
          <dd>{full(e.opened_ms)}</dd>
        </div>
        {changed(e) ? (
          <div>
            <dt>{t("episodes.turned")}</dt>
            <dd>{changed(e)}</dd>
          </div>
        ) : (
          <>
            <div>
              <dt>{t("episodes.peak")}</dt>
              <dd>{quantity(e.peak_value, e.unit)}</dd>
            </div>
            <div>
              <dt>{t("episodes.expected")}</dt>
              <dd>
                {quantity(e.lower, e.unit)} – {quantity(e.upper, e.unit)}
              </dd>
            </div>
            <div>
              <dt>{t("episodes.samples")}</dt>
              <dd>{number(e.samples ?? 0)}</dd>
            </div>
          </>
        )}
        {e.p_value != null && (
          <div>
            <dt>{t("episodes.chance")}</dt>
            <dd>{number(e.p_value)}</dd>
          </div>
        )}
        {e.model && (
          <div>
            <dt>{t("episodes.model")}</dt>
            <dd>{e.model}</dd>
          </div>
        )}
      </dl>
      <Verdict target={e.id} seriesId={e.series_id} />
    </div>
  );
}

export function Line({ episode: e }: { episode: Episode }) {
  const now = useSignal(Date.now());
  const open = one("open") === e.id;
  const direction = arrows[e.direction ?? "up"];
  return (
    <li class={`line-${e.state}`}>
      <button type="button" class="line" aria-expanded={open} onClick={() => setQuery({ open: open ? null : e.id })}>
        <Mark state={e.state === "open" ? (e.severity ?? "warning") : "closed"} word />
        <span class="line-what">
          <SeriesName metric={e.metric} labels={e.labels} />
          <span class="soft">
            {t(`episodes.kind_${e.kind}`)} <span aria-hidden="true">{direction}</span>
            <span class="only-read">{t(`episodes.direction_${e.direction ?? "up"}`)}</span>
            {e.flapping && ` · ${t("episodes.flapping")}`}
          </span>
        </span>
        <span class="line-value num">
          {changed(e) ? (
            <b>{changed(e)}</b>
          ) : (
            <>
              <b>{quantity(e.peak_value ?? e.value, e.unit)}</b>
              <span class="soft">
                {t("episodes.expected")} {quantity(e.lower, e.unit)} – {quantity(e.upper, e.unit)}
              </span>
            </>
          )}
        </span>
        <span class="line-score num">
          <b>{score(e.peak_score ?? 0)}</b>
          <span class="soft">{t("episodes.peak_score")}</span>
        </span>
        <span class="line-time num">
          {dayClock(e.opened_ms)}
          {!changed(e) && (
            <span class="soft">
              {t(e.state === "open" ? "episodes.since" : "episodes.for", { span: length(e, now.value) })}
            </span>
          )}
        </span>
      </button>
      {open && <Opened episode={e} />}
    </li>
  );
}
