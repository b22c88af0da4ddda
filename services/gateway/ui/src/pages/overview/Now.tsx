// What is wrong now, in the words that somebody who was just woken needs: the incident with its likely cause and reach, then the signs.
import { get } from "../../api/http";
import type { Episode, Incident, OddSeries, Overview, Page } from "../../api/types";
import { t } from "../../i18n";
import { BandGauge } from "../../parts/BandGauge";
import { Mark } from "../../parts/Mark";
import { Ready } from "../../parts/Notes";
import { SeriesName } from "../../parts/series";
import { linkTo } from "../../state/location";
import { useResource } from "../../state/resource";
import { clock, span } from "../../time/format";
import { quantity, score } from "../../units/format";

const shown = 12;

interface Sign {
  key: string;
  href: string;
  open: boolean;
  row: Pick<OddSeries, "metric" | "labels" | "unit" | "score" | "value" | "expected" | "lower" | "upper">;
}

/** Open episodes by peak, then odd values that have no episode yet. */
export function signs(episodes: readonly Episode[], odd: readonly OddSeries[]): Sign[] {
  const known = new Set(episodes.map((e) => e.series_id));
  const [value, zero] = [(e: Episode) => e.value ?? e.peak_value ?? 0, 0];
  return [
    ...[...episodes]
      .sort((a, b) => (b.peak_score ?? zero) - (a.peak_score ?? zero))
      .map((e) => ({
        key: e.id,
        href: linkTo("/episodes", { open: e.id, state: "open" }),
        open: true,
        row: {
          metric: e.metric,
          labels: e.labels,
          unit: e.unit ?? "",
          score: e.peak_score ?? zero,
          value: value(e),
          expected: e.expected ?? zero,
          lower: e.lower ?? zero,
          upper: e.upper ?? zero,
        },
      })),
    ...odd
      .filter((r) => !known.has(r.id) && r.score >= 1)
      .map((r) => ({ key: r.id, href: linkTo("/explore", { series: [r.id] }), open: false, row: r })),
  ].slice(0, shown);
}

function Line({ sign: { href, row, open } }: { sign: Sign }) {
  return (
    <li>
      <a class="odd" href={href}>
        <SeriesName metric={row.metric} labels={row.labels} />
        <span class="odd-score num">
          <Mark state="odd" /> <b title={t("overview.peak")}>{score(row.score)}</b>
        </span>
        <BandGauge {...row} />
        <span class="odd-words">
          <b>{quantity(row.value, row.unit)}</b>
          <span class="soft">
            {t("overview.expected", { lower: quantity(row.lower, row.unit), upper: quantity(row.upper, row.unit) })}
            {open && row.value >= row.lower && row.value <= row.upper && ` · ${t("overview.back_inside")}`}
          </span>
        </span>
      </a>
    </li>
  );
}

function Open({ incident: i }: { incident: Incident }) {
  const cause = i.verdict === "cause" ? i.causes?.[0] : undefined;
  const reach = (i.blast ?? []).filter((a) => a.hops !== 0).map((a) => a.entity);
  return (
    <li>
      <a class="odd" href={linkTo("/incidents", { id: i.id })}>
        <b>{i.title}</b>
        <span class="odd-score">
          <Mark state={i.severity} word />
        </span>
        <span class="odd-words">
          {cause ? (
            <>
              <span class="soft">{t(cause.change_id ? "overview.cause_change" : "overview.cause")}</span>
              <b>{cause.entity}</b>
            </>
          ) : (
            <span class="soft">{t("overview.no_cause")}</span>
          )}
          {reach.length > 0 && <span class="soft">{t("overview.reaches", { who: reach.join(", ") })}</span>}
          <span class="soft">{t("overview.since", { span: span(Date.now() - i.opened_ms) })}</span>
        </span>
      </a>
    </li>
  );
}

/** Findings are asked again when their number changes; the overview itself comes over the live line. */
export function Now({ data }: { data: Overview }) {
  const n = data.totals;
  const incidents = useResource<Page<Incident>>(`i${n.open_incidents}`, (abort) =>
    get("/incidents", { state: "open", limit: 5 }, abort),
  );
  const episodes = useResource<Page<Episode>>(`e${n.open_episodes}`, (abort) =>
    get("/episodes", { state: "open", from: "now-7d", limit: 50 }, abort),
  );
  const open = (incidents.data?.items ?? []).filter((i) => i.state === "open");
  const list = signs(episodes.data?.items ?? [], data.odd_series);
  return (
    <div class="stack">
      {open.length > 0 && (
        <section class="panel">
          <header>
            <h2>{t("overview.incidents_now")}</h2>
          </header>
          <ul>
            {open.map((i) => (
              <Open key={i.id} incident={i} />
            ))}
          </ul>
        </section>
      )}
      <section class="panel">
        <header>
          <h2>{t("overview.odd_now")}</h2>
          <span class="soft">{t("overview.at", { time: clock(data.now_ms) })}</span>
        </header>
        {list.length > 0 ? (
          <ul>
            {list.map((s) => (
              <Line key={s.key} sign={s} />
            ))}
          </ul>
        ) : (
          // no all-clear before it is known that no episode is open
          <Ready of={episodes}>
            {() => (
              <p class="quiet">
                <Mark state="ok" /> {t("overview.all_quiet")}
              </p>
            )}
          </Ready>
        )}
      </section>
    </div>
  );
}
