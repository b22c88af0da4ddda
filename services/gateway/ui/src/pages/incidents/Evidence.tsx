// The evidence against one suspect as small charts: its series around the first sign, with the band that was expected.
import { get } from "../../api/http";
import type { Cause, Incident, RangeAnswer } from "../../api/types";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { Spark } from "../../parts/Spark";
import { seriesName } from "../../parts/series";
import { linkTo } from "../../state/location";
import { useResource } from "../../state/resource";
import { span } from "../../time/format";
import { quantity, score } from "../../units/format";
import type { Related } from "./related";

const most = 4;
/** Calm time shown before the first sign, and time after the last one, ms. */
const leadMs = 10 * 6e4;
const points = 120;

/** The series that speak against an entity: the suspect's own indicators, else its episodes, the strongest first. */
export function witnesses(cause: Cause, related: Related): string[] {
  const named = (cause.indicators ?? []).map((i) => i.series_id);
  const odd = related.episodes
    .filter((e) => (e.labels["service"] ?? e.labels["host"]) === cause.entity)
    .sort((a, b) => (b.peak_score ?? 0) - (a.peak_score ?? 0))
    .map((e) => e.series_id);
  return [...new Set([...named, ...odd])].slice(0, most);
}

export function Evidence({ incident: i, cause, related }: { incident: Incident; cause: Cause; related: Related }) {
  const ids = witnesses(cause, related);
  const from = i.opened_ms - leadMs;
  const to = Math.min(Date.now(), (i.closed_ms ?? i.updated_ms) + leadMs / 2);
  const found = useResource<RangeAnswer>(ids.length ? `${ids.join()}|${i.version}` : null, (abort) =>
    get("/range", { series: ids, from, to, points }, abort),
  );
  if (ids.length === 0) return null;
  return (
    <Ready of={found}>
      {(answer) => (
        <ul class="evidence">
          {answer.series.map((s) => {
            const said = cause.indicators?.find((x) => x.series_id === s.id);
            const peak = related.episodes.find((e) => e.series_id === s.id);
            return (
              <li key={s.id}>
                <a href={linkTo("/explore", { series: [s.id], from: Math.round(from), to: Math.round(to) })}>
                  {said?.name || s.metric}
                </a>
                <span class="soft">
                  {said
                    ? `${quantity(said.before, s.unit)} › ${quantity(said.during, s.unit)}`
                    : peak
                      ? t("incidents.peak", {
                          value: quantity(peak.peak_value, s.unit),
                          upper: quantity(peak.upper, s.unit),
                        })
                      : ""}{" "}
                  {t("incidents.indicator_score", { n: score(said?.score ?? peak?.peak_score) })}
                </span>
                <Spark
                  columns={s}
                  markMs={i.opened_ms}
                  label={t("incidents.evidence", { name: seriesName(s.metric, s.labels), span: span(to - from) })}
                />
              </li>
            );
          })}
        </ul>
      )}
    </Ready>
  );
}
