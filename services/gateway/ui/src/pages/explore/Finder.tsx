// Search by words and facets; the list says how each series stands now.
import { useSignal } from "@preact/signals";
import { get } from "../../api/http";
import type { Facets, Page, SeriesRow } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Ready } from "../../parts/Notes";
import { SeriesName } from "../../parts/series";
import { many, one, setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import { quantity, short } from "../../units/format";
import { mostSeries } from "./Explore";

const facetNames = ["service", "host", "metric"] as const;
const pageSize = 60;

export function toggled(list: readonly string[], item: string): string[] {
  return list.includes(item) ? list.filter((x) => x !== item) : [...list, item];
}

function Facet({ name, values }: { name: string; values: [string, number][] }) {
  const on = many(name);
  return (
    <details open={on.length > 0}>
      <summary>
        {t(`explore.facet_${name}`)} <span class="soft">{on.length > 0 ? on.join(", ") : values.length}</span>
      </summary>
      <ul>
        {values.slice(0, 40).map(([value, count]) => (
          <li key={value}>
            <label>
              <input
                type="checkbox"
                checked={on.includes(value)}
                onChange={() => setQuery({ [name]: on.includes(value) ? null : value })}
              />
              <span>{value}</span>
              <span class="soft">{short(count)}</span>
            </label>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Found({ page, chosen }: { page: Page<SeriesRow>; chosen: readonly string[] }) {
  if (page.items.length === 0) return <p class="finder-none">{t("explore.found_none")}</p>;
  return (
    <ul class="found">
      {page.items.map((s) => {
        const on = chosen.includes(s.id);
        return (
          <li key={s.id}>
            <label>
              <input
                type="checkbox"
                checked={on}
                disabled={!on && chosen.length >= mostSeries}
                onChange={() => setQuery({ series: toggled(chosen, s.id) })}
              />
              <Mark state={s.state} />
              <SeriesName metric={s.metric} labels={s.labels} />
              <span class="num">{quantity(s.value, s.unit)}</span>
            </label>
          </li>
        );
      })}
    </ul>
  );
}

export function Finder({ chosen }: { chosen: readonly string[] }) {
  const size = useSignal(pageSize);
  const filters = Object.fromEntries(facetNames.map((n) => [n, many(n)]));
  const q = one("q");
  const facets = useResource<Facets>("facets", (abort) => get("/facets", {}, abort));
  const found = useResource<Page<SeriesRow>>(JSON.stringify([q, filters, size.value]), (abort) =>
    get("/series", { q, ...filters, limit: size.value }, abort),
  );
  return (
    <section class="finder panel" aria-label={t("explore.finder")}>
      <input
        type="search"
        class="field"
        placeholder={t("explore.search")}
        aria-label={t("explore.search")}
        value={q}
        onInput={(e) => setQuery({ q: e.currentTarget.value })}
      />
      {facets.data && facetNames.map((n) => <Facet key={n} name={n} values={facets.data?.[n] ?? []} />)}
      <Ready of={found}>
        {(page) => (
          <>
            <Found page={page} chosen={chosen} />
            {page.next && (
              <button type="button" class="btn plain" onClick={() => (size.value += pageSize)}>
                {t("explore.more")}
              </button>
            )}
          </>
        )}
      </Ready>
      {chosen.length >= mostSeries && <p class="finder-none">{t("explore.most", { n: mostSeries })}</p>}
    </section>
  );
}
