// Picks the series whose future is drawn, by words as in Explore.
import { useSignal } from "@preact/signals";
import { get } from "../../api/http";
import type { Page, SeriesRow } from "../../api/types";
import { t } from "../../i18n";
import { seriesName } from "../../parts/series";
import { setQuery } from "../../state/location";
import { useResource } from "../../state/resource";

const shown = 12;

export function Choose({ chosen }: { chosen: string }) {
  const words = useSignal("");
  const found = useResource<Page<SeriesRow>>(chosen && !words.value ? null : `s${words.value}`, (abort) =>
    get("/series", { q: words.value, limit: shown }, abort),
  );
  return (
    <div class="choose">
      <input
        type="search"
        class="field"
        aria-label={t("forecast.choose")}
        placeholder={t("forecast.choose")}
        value={words.value}
        onInput={(e) => (words.value = e.currentTarget.value)}
      />
      {(words.value || !chosen) && (
        <ul>
          {found.data?.items.map((s) => (
            <li key={s.id}>
              <button
                type="button"
                class="btn"
                onClick={() => {
                  words.value = "";
                  setQuery({ series: s.id }, false);
                }}
              >
                {seriesName(s.metric, s.labels)}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
