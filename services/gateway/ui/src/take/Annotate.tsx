// The form in which a note is written, changed and deleted: a dialog of its own, opened from a chart's menu or from a mark. A mark that
// several notes share opens their list first.
import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type ApiError, apiUrl, call, me } from "../api/http";
import { words } from "../charts/Marks";
import { type Note, written } from "../charts/notes";
import type { Picture } from "../charts/paint";
import { need, t } from "../i18n";
import { why } from "../parts/Notes";
import { localInput } from "../time/format";
import "./annotate.css";

interface Props {
  picture: Picture | undefined;
  note: Note;
  close: () => void;
}

const place = "/annotations";
/** Writes, changes or deletes a note; what is given names the version that it was read in. */
async function send(note: Note, method: string, body?: object): Promise<void> {
  const init = note.id ? { match: `"${note.version}"` } : {};
  await call(method, apiUrl(note.id ? `${place}/${note.id}` : place), body ? { ...init, body } : init);
  written.value++;
}
const time = (value: FormDataEntryValue | null): number => Date.parse(`${value}`);

/** What the note is about, as the choice that says so: nothing, `entity:NAME` or `series`. */
const scopeOf = (n: Note): string => (n.series?.length ? "series" : n.entity ? `entity:${n.entity}` : "");

function Form({ picture, note, close }: Props) {
  const problem = useSignal("");
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const about = picture?.about ?? [];
  const ids = note.series?.length ? note.series : about.map((a) => a.id);
  const entities = new Set([note.entity, ...about.map((a) => a.labels["service"])].filter(Boolean));
  const done = (work: Promise<void>): Promise<void> =>
    work.then(
      () => dialog.current?.close(),
      (error: ApiError) => {
        problem.value = why(error);
      },
    );
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => `${form.get(name)}`.trim();
    const scope = text("scope");
    void done(
      send(note, note.id ? "PATCH" : "POST", {
        title: text("title"),
        text: text("text"),
        at_ms: time(form.get("from")),
        until_ms: text("to") ? time(form.get("to")) : null,
        tags: text("tags")
          .split(/[,、]/)
          .map((tag) => tag.trim())
          .filter(Boolean),
        series: scope === "series" ? ids : [],
        entity: scope.startsWith("entity:") ? scope.slice(7) : "",
      }),
    );
  };
  const field = (name: string, value: string, more: object = {}) => (
    <label>
      {t(`notes.${name}`)}
      <input class="field" name={name} defaultValue={value} {...more} />
    </label>
  );
  const when = { type: "datetime-local", step: "1" };
  const title = t(note.id ? "notes.change" : "notes.new");
  return (
    <dialog ref={dialog} class="annotate" aria-label={title} onClose={close}>
      <form onSubmit={submit}>
        <h2>{title}</h2>
        {field("title", note.title, { required: true, maxLength: 200 })}
        <label>
          {t("notes.text")}
          <textarea class="field" name="text" maxLength={4000} defaultValue={note.text} />
        </label>
        {field("from", localInput(note.at_ms), { ...when, required: true })}
        {field("to", note.end_ms > note.at_ms ? localInput(note.end_ms) : "", when)}
        {field("tags", note.tags?.join(", ") ?? "")}
        <label>
          {t("notes.scope")}
          <select class="field" name="scope">
            <option value="">{t("notes.scope_all")}</option>
            {[...entities].map((e) => (
              <option key={e} value={`entity:${e}`} selected={scopeOf(note) === `entity:${e}`}>
                {e}
              </option>
            ))}
            {ids.length > 0 && (
              <option value="series" selected={scopeOf(note) === "series"}>
                {t("notes.scope_series", { n: ids.length })}
              </option>
            )}
          </select>
        </label>
        {problem.value && <p role="alert">{problem.value}</p>}
        <div class="tools">
          <button type="submit" class="btn main">
            {t("notes.save")}
          </button>
          {note.id && (
            <button type="button" class="btn" onClick={() => void done(send(note, "DELETE"))}>
              {t("notes.delete")}
            </button>
          )}
          <button type="button" class="btn plain" onClick={() => dialog.current?.close()}>
            {t("notes.cancel")}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** All that shares a mark, each to be changed or deleted by itself; what happened is only read. */
function List({ notes, edit, close }: { notes: readonly Note[]; edit: (note: Note) => void; close: () => void }) {
  const left = useSignal(notes);
  const problem = useSignal("");
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const remove = (note: Note): Promise<void> =>
    send(note, "DELETE").then(
      () => {
        left.value = left.value.filter((n) => n !== note);
        if (left.value.length) dialog.current?.querySelector("button")?.focus();
        else dialog.current?.close();
      },
      (error: ApiError) => {
        problem.value = why(error);
      },
    );
  return (
    <dialog ref={dialog} class="annotate" aria-label={t("notes.here")} onClose={close}>
      <h2>{t("notes.here")}</h2>
      <ul>
        {left.value.map((n) => (
          <li key={n.id}>
            <span>{words(n)}</span>
            {n.kind === "note" && me.value?.role !== "viewer" && (
              <span class="tools">
                <button
                  type="button"
                  class="btn"
                  aria-label={`${t("notes.change")}: ${n.title}`}
                  onClick={() => edit(n)}
                >
                  {t("notes.change")}
                </button>
                <button
                  type="button"
                  class="btn"
                  aria-label={`${t("notes.delete")}: ${n.title}`}
                  onClick={() => void remove(n)}
                >
                  {t("notes.delete")}
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
      {problem.value && <p role="alert">{problem.value}</p>}
      <button type="button" class="btn plain" onClick={() => dialog.current?.close()}>
        {t("notes.close")}
      </button>
    </dialog>
  );
}

/** Opens the form: for one note, or for a new one where the person last pointed, else at the end of the picture; for several their list. */
export async function annotate(picture: Picture | undefined, notes: readonly Note[] = []): Promise<void> {
  await need("notes");
  const at = Math.round(
    picture?.notes.findLast((n) => !n.title)?.at_ms ?? Math.min(picture?.toMs ?? Number.POSITIVE_INFINITY, Date.now()),
  );
  const host = document.body.appendChild(document.createElement("div"));
  const close = (): void => {
    render(null, host);
    host.remove();
  };
  const form = (note: Note): void => render(<Form picture={picture} note={note} close={close} />, host);
  if (notes.length > 1) render(<List notes={notes} edit={form} close={close} />, host);
  else form(notes[0] ?? { at_ms: at, end_ms: at, title: "" });
}
