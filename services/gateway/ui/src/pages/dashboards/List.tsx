// All dashboards: one's own by folder, those that come with the house, deleted ones to bring back, import.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type ApiError, me } from "../../api/http";
import { t } from "../../i18n";
import { Ready, why } from "../../parts/Notes";
import { go, linkTo, one, setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import { full } from "../../time/format";
import { likes } from "./favourites";
import { BrokenImport, type Dashboard, newId, readFile } from "./model";
import { readyMade } from "./ready";
import { deleted, list, restore, versions, write } from "./shelf";
import type { Kept } from "./store";

export function matching(all: readonly Kept[], words: string): Kept[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (k: Kept): string =>
    [k.dashboard.title, k.dashboard.folder, ...k.dashboard.tags].join(" ").toLowerCase();
  return all
    .filter((k) => parts.every((p) => text(k).includes(p)))
    .sort(
      (a, b) =>
        a.dashboard.folder.localeCompare(b.dashboard.folder) || a.dashboard.title.localeCompare(b.dashboard.title),
    );
}

function Make({ taken }: { taken: string[] }) {
  const said = useSignal("");
  const make = (dashboard: Dashboard): void => {
    const id = newId(dashboard.title, taken, Math.random);
    write(id, dashboard, 0).then(
      () => go(`/dashboards/${id}`),
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  const fresh = (): void =>
    make({
      title: t("editing.untitled"),
      description: "",
      folder: "",
      tags: [],
      from: "now-1h",
      variables: [],
      panels: [],
    });
  const take = async (input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    try {
      make(readFile(await file.text()));
    } catch (error) {
      if (!(error instanceof BrokenImport)) throw error;
      said.value = t("editing.import_broken", { where: error.message });
    }
  };
  if (me.value?.role === "viewer") return null;
  return (
    <>
      <button type="button" class="btn main" onClick={fresh}>
        {t("editing.new")}
      </button>
      <label class="btn file">
        {t("editing.import")}
        <input type="file" accept="application/json,.json" onChange={(e) => void take(e.currentTarget)} />
      </label>
      <output>{said.value}</output>
    </>
  );
}

function Deleted({ onBack }: { onBack: () => void }) {
  const open = useSignal(false);
  const gone = useResource(open.value ? "gone" : null, deleted);
  const back = async (id: string): Promise<void> => {
    const history = await versions(id);
    const last = history.find((v) => v.body !== null);
    if (last && history[0]) await restore(id, last.version, history[0].version);
    gone.reload();
    onBack();
  };
  return (
    <details class="gone" onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary>{t("editing.deleted")}</summary>
      {gone.data?.length === 0 && <p class="soft">{t("editing.deleted_none")}</p>}
      <ul>
        {gone.data?.map((d) => (
          <li key={d.id}>
            {d.id}
            <button type="button" class="btn" onClick={() => void back(d.id)}>
              {t("editing.restore")}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

interface Entry {
  id: string;
  title: string;
  lines: string[];
}

const own = (k: Kept): Entry => ({
  id: k.id,
  title: k.dashboard.title || k.id,
  lines: [
    [
      ...[k.dashboard.folder, ...k.dashboard.tags].filter(Boolean),
      t("editing.n_panels", { n: k.dashboard.panels.length }),
    ].join(" · "),
    t("editing.changed", { who: k.author, time: full(k.atMs) }),
  ],
});

const given = (r: { id: string; dashboard: Dashboard }): Entry => ({
  id: r.id,
  title: r.dashboard.title,
  lines: [t("editing.ready_what")],
});

export function starredFirst<E extends { id: string }>(entries: readonly E[], stars: readonly string[]): E[] {
  return [...entries].sort((a, b) => Number(stars.includes(b.id)) - Number(stars.includes(a.id)));
}

export default function List() {
  const all = useResource<Kept[]>("dashboards", list);
  const ready = readyMade(t);
  useEffect(() => {
    if (one("kiosk")) setQuery({ kiosk: null });
  }, []);
  return (
    <Ready of={all}>
      {(items) => (
        <>
          <div class="tools">
            <input
              type="search"
              class="field"
              aria-label={t("editing.search")}
              placeholder={t("editing.search")}
              value={one("q")}
              onInput={(e) => setQuery({ q: e.currentTarget.value })}
            />
            <Make taken={items.map((k) => k.id)} />
          </div>
          <ul class="shelf">
            {starredFirst([...matching(items, one("q")).map(own), ...ready.map(given)], likes.value.stars).map((e) => (
              <li key={e.id} class="panel">
                <a href={linkTo(`/dashboards/${e.id}`)}>
                  {likes.value.stars.includes(e.id) && (
                    <>
                      <span aria-hidden="true">★ </span>
                      <span class="only-read">{t("dashboards.star")} </span>
                    </>
                  )}
                  {e.title}
                </a>
                {e.lines.map((line) => (
                  <span key={line} class="soft">
                    {line}
                  </span>
                ))}
              </li>
            ))}
          </ul>
          <Deleted onBack={all.reload} />
        </>
      )}
    </Ready>
  );
}
