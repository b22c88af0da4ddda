// Find series, put several below one another with one crosshair, live with band and odd stretches, compare with earlier days.
import { t } from "../../i18n";
import { Empty } from "../../parts/Notes";
import { RangePicker } from "../../parts/RangePicker";
import { useRange } from "../../parts/useRange";
import { many, one, setQuery } from "../../state/location";
import Changed from "./Changed";
import { Charts } from "./Charts";
import { Finder } from "./Finder";
import "../../parts/parts.css";
import "./explore.css";

/** More charts than this on one page help nobody and cost a lot. */
export const mostSeries = 12;

const compares = ["", "1d", "7d"] as const;

export default function Explore() {
  const range = useRange("now-1h");
  const chosen = many("series").slice(0, mostSeries);
  const compare = one("compare");
  return (
    <div class="explore">
      <Finder chosen={chosen} />
      <section class="explore-charts" aria-label={t("explore.charts")}>
        <div class="tools">
          <RangePicker range={range} fallback="now-1h" />
          <button
            type="button"
            class="btn right"
            aria-pressed={one("changed") === "1"}
            onClick={() => setQuery({ changed: one("changed") ? null : "1" })}
          >
            {t("explore.changed_open")}
          </button>
          <label>
            <span class="only-read">{t("explore.compare")}</span>
            <select class="field" value={compare} onChange={(e) => setQuery({ compare: e.currentTarget.value })}>
              {compares.map((c) => (
                <option key={c} value={c}>
                  {t(`explore.compare_${c || "none"}`)}
                </option>
              ))}
            </select>
          </label>
          {chosen.length > 0 && (
            <button type="button" class="btn" onClick={() => setQuery({ series: [] })}>
              {t("explore.clear")}
            </button>
          )}
        </div>
        {one("changed") === "1" && <Changed range={range} service={one("service")} />}
        {chosen.length === 0 ? (
          <Empty title={t("explore.none")}>
            <p>{t("explore.none_why")}</p>
          </Empty>
        ) : (
          <Charts chosen={chosen} range={range} compare={compare} />
        )}
      </section>
    </div>
  );
}
