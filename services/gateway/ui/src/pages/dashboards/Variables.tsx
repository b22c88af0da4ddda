// Choices above a dashboard that every panel follows; they live in the address as var-NAME.
import { get } from "../../api/http";
import type { Facets } from "../../api/types";
import { t } from "../../i18n";
import { setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import type { Variable } from "./model";

export function Variables({ variables, values }: { variables: readonly Variable[]; values: Record<string, string> }) {
  const facets = useResource<Facets>(variables.length ? "facets" : null, (abort) => get("/facets", {}, abort));
  return (
    <>
      {variables.map(({ name }) => (
        <label key={name} class="variable">
          {t(`dashboards.var_${name}`)}
          <select
            class="field"
            value={values[name]}
            onChange={(e) => setQuery({ [`var-${name}`]: e.currentTarget.value }, false)}
          >
            <option value="">{t("dashboards.var_all")}</option>
            {(facets.data?.[name] ?? []).map(([value]) => (
              <option key={value} value={value} selected={value === values[name]}>
                {value}
              </option>
            ))}
          </select>
        </label>
      ))}
    </>
  );
}
