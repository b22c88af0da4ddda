// One dashboard: variables, time range and panels. What changes it is in edit/.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { me } from "../../api/http";
import { need, t } from "../../i18n";
import { RangePicker } from "../../parts/RangePicker";
import { useRange } from "../../parts/useRange";
import { one, setQuery } from "../../state/location";
import type { Opened } from "./Dashboards";
import { Frame } from "./Frame";
import { filled } from "./model";
import { Variables } from "./Variables";

export interface EditProps {
  opened: Opened;
  done: (saved: boolean) => void;
}

export function Board({ opened, onSaved }: { opened: Opened; onSaved: () => void }) {
  const { dashboard } = opened;
  const range = useRange(dashboard.from);
  const Edit = useSignal<{ View: ComponentType<EditProps> } | null>(null);
  const values = Object.fromEntries(dashboard.variables.map((v) => [v.name, one(`var-${v.name}`) || v.value]));
  const edit = (): void => {
    Promise.all([import("./edit/Edit"), need("editing")]).then(([m]) => {
      Edit.value = { View: m.default };
    });
  };
  if (Edit.value) {
    const { View } = Edit.value;
    return (
      <View
        opened={opened}
        done={(saved) => {
          Edit.value = null;
          if (saved) onSaved();
        }}
      />
    );
  }
  const kiosk = one("kiosk") === "1";
  return (
    <>
      <div class="tools board-tools">
        <h2>{dashboard.title}</h2>
        <Variables variables={dashboard.variables} values={values} />
        <RangePicker range={range} fallback={dashboard.from} />
        {!kiosk && me.value?.role !== "viewer" && (
          <button type="button" class="btn" onClick={edit}>
            {t("dashboards.edit")}
          </button>
        )}
        <button
          type="button"
          class="btn"
          aria-pressed={kiosk}
          onClick={() => setQuery({ kiosk: kiosk ? null : "1" }, false)}
        >
          {t("dashboards.kiosk")}
        </button>
      </div>
      {dashboard.panels.length === 0 ? (
        <div class="note">
          <h2>{t("dashboards.empty")}</h2>
          <p>{t("dashboards.empty_why")}</p>
        </div>
      ) : (
        <div class="board">
          {dashboard.panels.map((p) => (
            <Frame key={p.id} panel={p} query={filled(p.query, values)} range={range} />
          ))}
        </div>
      )}
    </>
  );
}
