// Dashboards: the list at /dashboards, one at /dashboards/ID. Editing, versions and import are loaded when asked for.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { need, t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { place } from "../../state/location";
import { useResource } from "../../state/resource";
import { Board } from "./Board";
import { loadLikes } from "./favourites";
import type { Dashboard } from "./model";
import { read } from "./store";
import "../../parts/parts.css";
import "./dashboards.css";

export interface Opened {
  id: string;
  /** 0 for one that is not kept yet. */
  version: number;
  dashboard: Dashboard;
}

function Lazy({ load }: { load: () => Promise<{ default: ComponentType }> }) {
  const page = useSignal<{ View: ComponentType } | null>(null);
  // Runs once: what is loaded never changes
  useEffect(() => {
    load().then((m) => {
      page.value = { View: m.default };
    });
  }, []);
  const View = page.value?.View;
  return View ? <View /> : <div class="loading" />;
}

function One({ id }: { id: string }) {
  const found = useResource<Opened>(`dashboard|${id}`, async (abort) => {
    if (id.startsWith("ready-")) {
      const ready = (await import("./ready")).readyMade(t).find((r) => r.id === id);
      if (ready) return { id, version: 0, dashboard: ready.dashboard };
    }
    return read(id, abort);
  });
  return (
    <Ready of={found}>
      {(opened) => <Board key={`${opened.id} ${opened.version}`} opened={opened} onSaved={found.reload} />}
    </Ready>
  );
}

export default function Dashboards() {
  // Once a visit: another browser of the same person may have changed them.
  useEffect(() => void loadLikes(), []);
  const id = decodeURIComponent(place.value.path.split("/")[2] ?? "");
  return id ? (
    <One key={id} id={id} />
  ) : (
    <Lazy load={async () => (await Promise.all([import("./List"), need("editing")]))[0]} />
  );
}
