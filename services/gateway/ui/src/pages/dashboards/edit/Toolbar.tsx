// What one can do to a dashboard as a whole while editing it.
import type { ComponentChildren } from "preact";
import { t } from "../../../i18n";
import { save as saveFile } from "../../../parts/save";
import { panelTypes } from "../registry";
import { canRedo, canUndo, redo, undo } from "./history";
import type { Draft } from "./useDraft";

interface Props {
  id: string;
  work: Draft;
  addPanel: (type: string) => void;
  children: ComponentChildren;
}

export function Toolbar({ id, work, addPanel, children }: Props) {
  const { history, draft } = work;
  const take = (): void =>
    saveFile(new Blob([JSON.stringify(draft, null, 2)], { type: "application/json" }), `${id}.json`);
  return (
    <div class="tools" role="toolbar" aria-label={t("dashboards.edit")}>
      <label>
        <span class="only-read">{t("editing.add")}</span>
        <select
          class="field"
          value=""
          onChange={(e) => {
            addPanel(e.currentTarget.value);
            e.currentTarget.value = "";
          }}
        >
          <option value="">{t("editing.add")}</option>
          {panelTypes().map((k) => (
            <option key={k.type} value={k.type}>
              {t(k.name)}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="btn"
        disabled={!canUndo(history.value)}
        onClick={() => (history.value = undo(history.value))}
      >
        {t("editing.undo")}
      </button>
      <button
        type="button"
        class="btn"
        disabled={!canRedo(history.value)}
        onClick={() => (history.value = redo(history.value))}
      >
        {t("editing.redo")}
      </button>
      <button type="button" class="btn" onClick={take}>
        {t("editing.export")}
      </button>
      {children}
    </div>
  );
}
