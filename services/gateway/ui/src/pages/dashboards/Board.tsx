// One dashboard: variables, time range and panels. What changes it is in edit/.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { me } from "../../api/http";
import { useNotes } from "../../charts/notes";
import { need, t } from "../../i18n";
import { RangePicker } from "../../parts/RangePicker";
import { useRange } from "../../parts/useRange";
import { one, setQuery } from "../../state/location";
import type { Opened } from "./Dashboards";
import { Frame } from "./Frame";
import { likes, makeHome, star } from "./favourites";
import { filled } from "./model";
import type { ShareProps } from "./Share";
import { Variables } from "./Variables";

export interface EditProps {
  opened: Opened;
  done: (saved: boolean) => void;
}

export function Board({ opened, onSaved }: { opened: Opened; onSaved: () => void }) {
  const { dashboard } = opened;
  const range = useRange(dashboard.from);
  useNotes(range);
  const Edit = useSignal<{ View: ComponentType<EditProps> } | null>(null);
  const values = Object.fromEntries(dashboard.variables.map((v) => [v.name, one(`var-${v.name}`) || v.value]));
  const Sharing = useSignal<{ View: ComponentType<ShareProps> } | null>(null);
  const share = (): void => {
    if (Sharing.value) Sharing.value = null;
    else
      import("./Share").then((m) => {
        Sharing.value = { View: m.default };
      });
  };
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
  const Links = Sharing.value?.View;
  const { stars, home } = likes.value;
  return (
    <>
      <div class="tools board-tools">
        <h2>{dashboard.title}</h2>
        <Variables variables={dashboard.variables} values={values} />
        <RangePicker range={range} fallback={dashboard.from} />
        {!kiosk && (
          <>
            <button
              type="button"
              class="btn"
              aria-pressed={stars.includes(opened.id)}
              onClick={() => void star(opened.id)}
            >
              {stars.includes(opened.id) ? "★" : "☆"} {t("dashboards.star")}
            </button>
            <button
              type="button"
              class="btn"
              aria-pressed={home === opened.id}
              onClick={() => void makeHome(opened.id)}
            >
              {t("dashboards.home")}
            </button>
            {me.value?.role !== "viewer" && (
              <>
                {opened.version > 0 && (
                  <button type="button" class="btn" aria-expanded={Links !== undefined} onClick={share}>
                    {t("dashboards.share")}
                  </button>
                )}
                <button type="button" class="btn" onClick={edit}>
                  {t("dashboards.edit")}
                </button>
              </>
            )}
          </>
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
      {Links && <Links id={opened.id} dashboard={dashboard} values={values} range={range} />}
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
