// One season of a series: the shape that comes again and again.
import { type ApiError, get } from "../../../api/http";
import { profilePath } from "../../../charts/profile";
import { t } from "../../../i18n";
import { Ready } from "../../../parts/Notes";
import { SeriesName } from "../../../parts/series";
import { useResource } from "../../../state/resource";
import { span } from "../../../time/format";
import { percent } from "../../../units/format";
import type { PanelProps } from "../registry";
import { useSeries } from "../useSeries";
import { NoSeries } from "./NoSeries";

interface Pattern {
  season_s?: number;
  season_strength?: number;
  profile?: number[];
}

function Profile({ id, height }: { id: string; height: number }) {
  const found = useResource<Pattern>(`pattern|${id}`, (abort) =>
    get<Pattern>(`/series/${id}/pattern`, {}, abort).catch((e: ApiError) => {
      if (e.status === 404) return {};
      throw e;
    }),
  );
  return (
    <Ready of={found}>
      {(p) =>
        (p.profile ?? []).length > 1 ? (
          <figure class="season">
            <svg
              viewBox="0 0 200 40"
              preserveAspectRatio="none"
              style={{ height: `${Math.max(height - 70, 40)}px` }}
              role="img"
              aria-label={t("dashboards.season_of", { span: span((p.season_s ?? 0) * 1000) })}
            >
              <path d={profilePath(p.profile ?? [])} />
            </svg>
            <figcaption class="soft">
              {t("dashboards.season_of", { span: span((p.season_s ?? 0) * 1000) })} · {percent(p.season_strength ?? 0)}
            </figcaption>
          </figure>
        ) : (
          <p class="soft pad">{t("dashboards.no_season")}</p>
        )
      }
    </Ready>
  );
}

export default function Season({ query, height }: PanelProps) {
  const found = useSeries({ ...query, limit: 1 });
  if (!found.data && !found.loading && !found.error) return <NoSeries />;
  return (
    <Ready of={found}>
      {(page) => {
        const s = page.items[0];
        if (!s) return <NoSeries asked />;
        return (
          <>
            <p class="panel-name">
              <SeriesName metric={s.metric} labels={s.labels} />
            </p>
            <Profile id={s.id} height={height} />
          </>
        );
      }}
    </Ready>
  );
}
