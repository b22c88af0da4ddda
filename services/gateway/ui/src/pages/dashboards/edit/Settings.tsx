// What a panel shows: its title, the series it asks for, the options of its type.
import { get } from "../../../api/http";
import type { Facets } from "../../../api/types";
import { t } from "../../../i18n";
import { useResource } from "../../../state/resource";
import type { Panel, Query } from "../model";
import { type Option, panelType } from "../registry";

interface Props {
  panel: Panel;
  change: (panel: Panel, key: string) => void;
  close: () => void;
}

function Asked({ panel, change }: Omit<Props, "close">) {
  const facets = useResource<Facets>("facets", (abort) => get("/facets", {}, abort));
  const set = (patch: Partial<Query>): void =>
    change({ ...panel, query: { ...panel.query, ...patch } }, `query ${panel.id} ${Object.keys(patch)[0]}`);
  return (
    <fieldset>
      <legend>{t("editing.query")}</legend>
      {(["metric", "service", "host"] as const).map((name) => (
        <label key={name}>
          {t(`dashboards.var_${name}`)}
          <input
            class="field"
            list={`known-${name}`}
            value={panel.query[name]}
            onInput={(e) => set({ [name]: e.currentTarget.value })}
          />
          <datalist id={`known-${name}`}>
            <option value={`$${name}`} />
            {(facets.data?.[name] ?? []).map(([value]) => (
              <option key={value} value={value} />
            ))}
          </datalist>
        </label>
      ))}
      <label>
        {t("editing.words")}
        <input class="field" value={panel.query.q} onInput={(e) => set({ q: e.currentTarget.value })} />
      </label>
      <label>
        {t("editing.limit")}
        <input
          class="field"
          type="number"
          min={1}
          max={50}
          value={panel.query.limit}
          onInput={(e) => set({ limit: Math.min(50, Math.max(1, e.currentTarget.valueAsNumber || 1)) })}
        />
      </label>
    </fieldset>
  );
}

function Field({
  option: o,
  value,
  set,
}: {
  option: Option;
  value: string | number | boolean;
  set: (v: string | number) => void;
}) {
  const label = t(`editing.option_${o.name}`);
  if (o.kind === "choice") {
    return (
      <label>
        {label}
        <select class="field" value={`${value}`} onChange={(e) => set(e.currentTarget.value)}>
          {o.choices?.map((c) => (
            <option key={c} value={c}>
              {t(`editing.choice_${c}`)}
            </option>
          ))}
        </select>
      </label>
    );
  }
  if (o.kind === "long") {
    return (
      <label>
        {label}
        <textarea class="field" rows={6} value={`${value}`} onInput={(e) => set(e.currentTarget.value)} />
      </label>
    );
  }
  if (o.kind === "number") {
    return (
      <label>
        {label}
        <input
          class="field"
          type="number"
          step="any"
          value={`${value}`}
          onInput={(e) => set(e.currentTarget.valueAsNumber || 0)}
        />
      </label>
    );
  }
  return (
    <label>
      {label}
      <input class="field" value={`${value}`} onInput={(e) => set(e.currentTarget.value)} />
    </label>
  );
}

export function Settings({ panel, change, close }: Props) {
  const type = panelType(panel.type);
  return (
    <aside class="panel settings" aria-label={t("editing.set_up")}>
      <header>
        <h2>{type ? t(type.name) : panel.type}</h2>
        <button type="button" class="btn plain" aria-label={t("editing.close")} onClick={close}>
          ×
        </button>
      </header>
      <div class="form">
        <label>
          {t("editing.title")}
          <input
            class="field"
            value={panel.title}
            onInput={(e) => change({ ...panel, title: e.currentTarget.value }, `title ${panel.id}`)}
          />
        </label>
        {type?.series && <Asked panel={panel} change={change} />}
        {type?.options.map((o) => (
          <Field
            key={o.name}
            option={o}
            value={panel.options[o.name] ?? o.fallback}
            set={(v) =>
              change({ ...panel, options: { ...panel.options, [o.name]: v } }, `option ${panel.id} ${o.name}`)
            }
          />
        ))}
      </div>
    </aside>
  );
}
