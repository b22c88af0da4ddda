// The first page: how the whole stands in one line, every service as a strip of signs, and the series that are odd now.
import { useEffect } from "preact/hooks";
import { get } from "../../api/http";
import { live } from "../../api/live";
import { liveState } from "../../api/liveState";
import type { Overview as Data, ServiceRow, Totals } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Empty, Ready } from "../../parts/Notes";
import { SignStrip } from "../../parts/SignStrip";
import { openEpisodes } from "../../shell/badge";
import { linkTo } from "../../state/location";
import { useResource } from "../../state/resource";
import { span } from "../../time/format";
import { chance, score, short } from "../../units/format";
import { Now } from "./Now";
import "../../parts/parts.css";
import "./overview.css";

/** Data older than this is called late on the first page. */
const lateS = 10;

/** Minutes whose worst score stands beside the strip: a value that is back inside says less than the peak that woke somebody. */
const lately = 5;

export const worstLately = (row: ServiceRow): number =>
  Math.max(row.worst, ...row.spark.slice(-lately).map((s) => s ?? 0));

/** Odd services first, by score; then the silent, the learning, the quiet, each by name. */
export function inOrder(services: readonly ServiceRow[]): ServiceRow[] {
  const rank: Record<string, number> = { odd: 0, stale: 1, learning: 2, ok: 3 };
  return [...services].sort(
    (a, b) =>
      (rank[a.state] ?? 4) - (rank[b.state] ?? 4) ||
      (a.state === "odd" ? worstLately(b) - worstLately(a) : 0) ||
      a.service.localeCompare(b.service),
  );
}

function Figure({ label, value, href, sign }: { label: string; value: string; href?: string; sign?: boolean }) {
  const inner = (
    <>
      <b>{value}</b>
      <span>{label}</span>
    </>
  );
  return <li class={sign ? "figure figure-sign" : "figure"}>{href ? <a href={href}>{inner}</a> : inner}</li>;
}

function Figures({ totals: n }: { totals: Totals }) {
  const late = n.freshness_s !== null && n.freshness_s > lateS;
  return (
    <ul class="figures" aria-label={t("overview.figures")}>
      <Figure label={t("overview.odd_series")} value={short(n.odd_series)} sign={n.odd_series > 0} />
      <Figure
        label={t("overview.open_episodes")}
        value={short(n.open_episodes)}
        href={linkTo("/episodes", { state: "open" })}
        sign={n.open_episodes > 0}
      />
      <Figure
        label={t("overview.open_incidents")}
        value={short(n.open_incidents)}
        href={linkTo("/incidents")}
        sign={n.open_incidents > 0}
      />
      <Figure label={t("overview.series")} value={short(n.series)} href={linkTo("/explore")} />
      <Figure label={t("overview.samples")} value={short(n.samples_per_s)} href={linkTo("/health")} />
      <Figure
        label={t(late ? "overview.late" : "overview.fresh")}
        value={n.freshness_s === null ? "–" : span(n.freshness_s * 1000)}
        href={linkTo("/health")}
        sign={late}
      />
      {n.dead_letters > 0 && (
        <Figure label={t("overview.dead_letters")} value={short(n.dead_letters)} href={linkTo("/health")} sign />
      )}
    </ul>
  );
}

function Service({ row }: { row: ServiceRow }) {
  const worst = worstLately(row);
  return (
    <li>
      <a class="service" href={linkTo("/explore", row.service ? { service: [row.service] } : {})}>
        <span class="service-name">
          <Mark state={row.state} />
          <b>{row.service || t("overview.no_service")}</b>
          <span class="soft">
            {row.odd > 0
              ? t("overview.n_odd", { n: row.odd, all: row.series })
              : t("overview.n_series", { n: row.series })}
          </span>
        </span>
        <SignStrip scores={row.spark} label={row.service || t("overview.no_service")} />
        <span class="service-score num">
          <b class={worst >= 1 ? "sign-text" : ""}>{row.state === "stale" ? "–" : score(worst)}</b>
          <span class="soft">
            {row.risk === null
              ? t("overview.score_lately", { n: lately })
              : t("overview.risk", { p: chance(row.risk) })}
          </span>
        </span>
      </a>
    </li>
  );
}

function Whole({ data }: { data: Data }) {
  if (data.totals.series === 0) {
    return (
      <Empty title={t("overview.nothing")}>
        <p>{t("overview.nothing_why")}</p>
        <a class="btn main" href="/connect">
          {t("overview.to_connect")}
        </a>
      </Empty>
    );
  }
  return (
    <>
      <Figures totals={data.totals} />
      <div class="overview">
        <section class="panel">
          <header>
            <h2>{t("overview.services")}</h2>
            <span class="soft">{t("overview.strip_what")}</span>
          </header>
          <ul>
            {inOrder(data.services).map((row) => (
              <Service key={row.service} row={row} />
            ))}
          </ul>
        </section>
        <Now data={data} />
      </div>
    </>
  );
}

export default function Overview() {
  const overview = useResource<Data>("overview", (abort) => get("/overview", {}, abort));
  const { put } = overview;
  useEffect(() => live.want({ topic: "overview", onFinding: (item) => put(item as Data) }), [put]);
  // A line that was down has missed changes: ask once when it is back.
  // Runs again only for what is listed: only the state of the line matters
  useEffect(() => {
    if (liveState.value === "live" && overview.data) overview.reload();
  }, [liveState.value]);
  useEffect(() => {
    if (overview.data) openEpisodes(overview.data);
  }, [overview.data]);
  return <Ready of={overview}>{(data) => <Whole data={data} />}</Ready>;
}
