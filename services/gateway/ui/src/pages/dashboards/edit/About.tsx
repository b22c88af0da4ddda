// Title, folder, tags, range and variables of a dashboard.
import { t } from "../../../i18n";
import { presets } from "../../../time/range";
import type { Dashboard, Variable } from "../model";

const names: readonly Variable["name"][] = ["service", "host", "metric"];

export function About({ dashboard: d, change }: { dashboard: Dashboard; change: (d: Dashboard, key: string) => void }) {
  const toggle = (name: Variable["name"]): void => {
    const has = d.variables.some((v) => v.name === name);
    const variables = has ? d.variables.filter((v) => v.name !== name) : [...d.variables, { name, value: "" }];
    change({ ...d, variables }, "");
  };
  return (
    <div class="about">
      <label>
        {t("editing.title")}
        <input class="field" value={d.title} onInput={(e) => change({ ...d, title: e.currentTarget.value }, "title")} />
      </label>
      <label>
        {t("editing.folder")}
        <input
          class="field"
          value={d.folder}
          onInput={(e) => change({ ...d, folder: e.currentTarget.value }, "folder")}
        />
      </label>
      <label>
        {t("editing.tags")}
        <input
          class="field"
          value={d.tags.join(", ")}
          onChange={(e) =>
            change(
              {
                ...d,
                tags: e.currentTarget.value
                  .split(",")
                  .map((x) => x.trim())
                  .filter(Boolean),
              },
              "tags",
            )
          }
        />
      </label>
      <label>
        {t("editing.from")}
        <select class="field" value={d.from} onChange={(e) => change({ ...d, from: e.currentTarget.value }, "from")}>
          {presets.map((p) => (
            <option key={p} value={p}>
              {t(`parts.long_${p.slice(4)}`)}
            </option>
          ))}
        </select>
      </label>
      <fieldset>
        <legend>{t("editing.variables")}</legend>
        {names.map((name) => (
          <label key={name} class="check">
            <input type="checkbox" checked={d.variables.some((v) => v.name === name)} onChange={() => toggle(name)} />
            {t(`dashboards.var_${name}`)}
          </label>
        ))}
      </fieldset>
    </div>
  );
}
