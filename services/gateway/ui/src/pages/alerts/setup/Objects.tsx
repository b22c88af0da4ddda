// The objects of one kind: a list, and the one that is being changed. Saving names the version it was made on; whoever comes second is told.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type ApiError, apiUrl, call, get, me } from "../../../api/http";
import type { ConfigItem } from "../../../api/types";
import { t } from "../../../i18n";
import { Ready, why } from "../../../parts/Notes";
import { type Resource, useResource } from "../../../state/resource";
import { full } from "../../../time/format";
import { Form } from "./Form";
import { saves } from "./Known";
import { type Body, kinds } from "./kinds";

export type Item = ConfigItem<Body>;

interface Draft {
  id: string;
  version: number;
  body: Body;
}

export const useObjects = (kind: string): Resource<{ items: Item[] }> =>
  useResource<{ items: Item[] }>(`config|${kind}`, (abort) => get(`/config/${kind}`, {}, abort));

const address = (kind: string, id: string): string => apiUrl(`/config/${kind}/${encodeURIComponent(id)}`);

/** A free id in the words of the kind, when the person gives none. */
const fallbackId = (kind: string): string => `${kind}-${Date.now().toString(36)}`;

function Editor({
  kind,
  draft,
  close,
  saved,
  children,
}: {
  kind: string;
  draft: { value: Draft | null };
  close: () => void;
  saved: () => void;
  children?: ComponentChildren;
}) {
  const said = useSignal("");
  const box = useRef<HTMLElement>(null);
  // Once, when it opens: on a phone the form is below the list, and keys go on from here.
  useEffect(() => box.current?.querySelector<HTMLElement>("input:not([readonly]),textarea,select")?.focus(), []);
  const table = kinds[kind];
  const d = draft.value;
  if (!table || !d) return null;
  const done = (work: Promise<unknown>): void => {
    work.then(saved, (e: ApiError) => {
      said.value = e.status === 412 ? t("alerts.conflict") : why(e);
    });
  };
  const match = d.version > 0 ? { match: `"${d.version}"` } : {};
  const save = (): void => {
    // A field that still had the focus has just written its value: the draft of this moment counts, not that of the last drawing.
    const latest = draft.value ?? d;
    done(call("PUT", address(kind, latest.id || fallbackId(kind)), { body: latest.body, ...match }));
  };
  return (
    <section ref={box} class="panel editor" aria-label={t("alerts.editor")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          save();
        }}
      >
        <label>
          {t("alerts.name")}
          <input
            class="field"
            value={d.id}
            readOnly={d.version > 0 || table.single !== undefined}
            onInput={(e) => (draft.value = { ...d, id: e.currentTarget.value })}
          />
        </label>
        <Form key={d.version} kind={table} body={d.body} change={(body) => (draft.value = { ...d, body })} />
        {children}
        <p class="actions">
          <button type="submit" class="btn main">
            {t("alerts.save")}
          </button>
          <button type="button" class="btn" onClick={close}>
            {t("alerts.close")}
          </button>
          {d.version > 0 && (
            <button type="button" class="btn right" onClick={() => done(call("DELETE", address(kind, d.id), match))}>
              {t(kind === "silence" ? "alerts.end_silence" : "alerts.delete")}
            </button>
          )}
        </p>
        {said.value && <p role="alert">{said.value}</p>}
      </form>
    </section>
  );
}

interface Props {
  kind: string;
  found: Resource<{ items: Item[] }>;
  /** What starts a new one, filled in already. */
  start?: Body | null;
  /** Beside each entry of the list. */
  beside?: (item: Item) => ComponentChildren;
  /** Inside the editor: a preview, a test. */
  inside?: (draft: Draft, change: (body: Body) => void) => ComponentChildren;
  /** Entries that stand although nobody has written them. */
  given?: readonly Item[];
  /** The entry that a link leads to. */
  marked?: string;
}

export function Objects({ kind, found, start = null, beside, inside, given = [], marked = "" }: Props) {
  const draft = useSignal<Draft | null>(start ? { id: "", version: 0, body: start } : null);
  const table = kinds[kind];
  if (!table) return null;
  const may = me.value?.role === "admin" || (table.needs === "operator" && me.value?.role === "operator");
  const open = (item: Item): void => {
    draft.value = { id: item.id, version: item.version, body: item.body };
  };
  return (
    <Ready of={found}>
      {({ items }) => {
        const own = new Set(items.map((i) => i.id));
        const all = [...items, ...given.filter((g) => !own.has(g.id))];
        return (
          <div class="objects">
            <section class="panel">
              <header>
                <h2>{t(`alerts.k_${kind}`)}</h2>
                <span class="soft">{t(`alerts.w_${kind}`)}</span>
                {may && (!table.single || all.length === 0) && (
                  <button
                    type="button"
                    class="btn"
                    onClick={() => (draft.value = { id: table.single ?? "", version: 0, body: table.fresh() })}
                  >
                    {t("alerts.new")}
                  </button>
                )}
              </header>
              {all.length === 0 && <p class="pad soft">{t(`alerts.n_${kind}`)}</p>}
              <ul>
                {all.map((item) => (
                  <li key={item.id} class={item.id === marked ? "object marked" : "object"}>
                    <button
                      type="button"
                      class="object-open"
                      disabled={!may}
                      aria-expanded={draft.value?.id === item.id}
                      onClick={() => open(item)}
                    >
                      <b>{item.id}</b>
                      <span class="soft">{table.line(item.body)}</span>
                      {item.version > 0 && item.made_at_ms ? (
                        <span class="soft">
                          {t("alerts.changed", { who: item.author ?? "", time: full(item.made_at_ms) })}
                        </span>
                      ) : (
                        <span class="soft">{t("alerts.given")}</span>
                      )}
                    </button>
                    {beside?.(item)}
                  </li>
                ))}
              </ul>
            </section>
            {draft.value && (
              <Editor
                key={`${draft.value.id && draft.value.version ? draft.value.id : "new"}`}
                kind={kind}
                draft={draft}
                close={() => (draft.value = null)}
                saved={() => {
                  draft.value = null;
                  found.reload();
                  saves.value++;
                  // Alerting has read it from the log by then.
                  setTimeout(() => saves.value++, 1500);
                }}
              >
                {inside?.(draft.value, (body) => {
                  if (draft.value) draft.value = { ...draft.value, body };
                })}
              </Editor>
            )}
          </div>
        );
      }}
    </Ready>
  );
}
