// Changing a dashboard: add, move, resize, remove, set up; undo and redo; save on top of the version that was opened.
import { type Signal, useSignal } from "@preact/signals";
import type { ApiError } from "../../../api/http";
import { t } from "../../../i18n";
import { why } from "../../../parts/Notes";
import { useRange } from "../../../parts/useRange";
import { go } from "../../../state/location";
import type { EditProps } from "../Board";
import { add, remove } from "../grid";
import { type Dashboard, emptyQuery, newId } from "../model";
import { panelType } from "../registry";
import { list, write } from "../shelf";
import { About } from "./About";
import { Grid } from "./Grid";
import { Settings } from "./Settings";
import { Toolbar } from "./Toolbar";
import { type Draft, useDraft } from "./useDraft";
import { Versions } from "./Versions";
import "./edit.css";

function freshId(dashboard: Dashboard): string {
  let n = dashboard.panels.length + 1;
  while (dashboard.panels.some((p) => p.id === `p${n}`)) n++;
  return `p${n}`;
}

/** The statuses that say that somebody else was first. */
const conflicts = [409, 412, 428];

function useSaving({ opened, done }: EditProps, draft: Dashboard) {
  const said = useSignal("");
  const conflict = useSignal(false);
  const keep = (id: string, version: number): void => {
    write(id, draft, version).then(
      () => {
        if (id !== opened.id) go(`/dashboards/${encodeURIComponent(id)}`);
        done(true);
      },
      (e: ApiError) => {
        conflict.value = conflicts.includes(e.status);
        said.value = conflict.value ? t("editing.conflict") : why(e);
      },
    );
  };
  const keepCopy = async (): Promise<void> => {
    const taken = (await list()).map((k) => k.id);
    keep(newId(draft.title, [...taken, opened.id], Math.random), 0);
  };
  const save = (): void => (opened.version > 0 ? keep(opened.id, opened.version) : void keepCopy());
  return { said: said.value, conflict: conflict.value, save, keepCopy: () => void keepCopy() };
}

function Workplace({ work, chosen }: { work: Draft; chosen: Signal<string> }) {
  const { draft, change } = work;
  const range = useRange(draft.from, 5000);
  const panel = draft.panels.find((p) => p.id === chosen.value);
  return (
    <div class={panel ? "edit-split" : ""}>
      <div>
        <About dashboard={draft} change={change} />
        <p class="soft">{t("editing.keys")}</p>
        <Grid
          dashboard={draft}
          range={range}
          chosen={chosen.value}
          choose={(id) => {
            chosen.value = id;
          }}
          change={(panels, key) => change({ ...draft, panels }, key)}
          drop={(id) => change({ ...draft, panels: remove(draft.panels, id) })}
        />
      </div>
      {panel && (
        <Settings
          key={panel.id}
          panel={panel}
          close={() => {
            chosen.value = "";
          }}
          change={(next, key) =>
            change({ ...draft, panels: draft.panels.map((p) => (p.id === next.id ? next : p)) }, key)
          }
        />
      )}
    </div>
  );
}

export default function Edit({ opened, done }: EditProps) {
  const work = useDraft(opened.dashboard);
  const chosen = useSignal("");
  const saving = useSaving({ opened, done }, work.draft);
  const addPanel = (type: string): void => {
    const kind = panelType(type);
    if (!kind) return;
    const panel = {
      id: freshId(work.draft),
      type,
      title: t(kind.name),
      x: 0,
      y: 0,
      ...kind.size,
      query: emptyQuery,
      options: {},
    };
    work.change({ ...work.draft, panels: add(work.draft.panels, panel) });
    chosen.value = panel.id;
  };
  const kept = opened.version > 0;
  return (
    <div class="editing">
      <Toolbar id={opened.id} work={work} addPanel={addPanel}>
        {kept && <Versions opened={opened} onRestored={() => done(true)} />}
        <button type="button" class="btn right" onClick={() => done(false)}>
          {t(work.dirty ? "editing.discard" : "editing.close")}
        </button>
        {kept && (
          <button type="button" class="btn" onClick={saving.keepCopy}>
            {t("editing.save_copy")}
          </button>
        )}
        <button type="button" class="btn main" disabled={!work.dirty && kept} onClick={saving.save}>
          {t("editing.save")}
        </button>
      </Toolbar>
      {saving.said && (
        <p class="strip-note" role="alert">
          {saving.said}
          {saving.conflict && (
            <button type="button" class="btn" onClick={saving.keepCopy}>
              {t("editing.save_copy")}
            </button>
          )}
        </p>
      )}
      <Workplace work={work} chosen={chosen} />
    </div>
  );
}
