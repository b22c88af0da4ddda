// Draws an object as a form from its kind's table of fields, and beside it the whole object as JSON.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { known, t } from "../../../i18n";
import { lang } from "../../../state/prefs";
import { localInput } from "../../../time/format";
import { type Body, changed, type Field, fieldsOf, type Kind, put } from "./kinds";
import { List, Texts } from "./List";

interface Props {
  kind: Kind;
  body: Body;
  change: (body: Body) => void;
}

/** Always as high: while a field above it is left for the button below it, nothing may move, or the press is lost. */
const jsonRows = 16;
const shown = (value: unknown): string => JSON.stringify(value ?? null, null, 1);

/** JSON that is being written: a text that is no object is said and kept, does not reach the object, and keeps the form from being sent. */
function Json({ value, change }: { value: Body; change: (value: Body) => void }) {
  const text = useSignal(shown(value));
  const wrong = useSignal("");
  const last = useRef(text.value);
  const now = shown(value);
  // Follows the fields beside it, but not its own text, which is in the middle of being written
  useLayoutEffect(() => {
    if (now !== last.current) text.value = last.current = now;
  }, [now]);
  const take = (box: HTMLTextAreaElement): void => {
    text.value = box.value;
    wrong.value = "";
    try {
      const read: unknown = JSON.parse(box.value);
      if (typeof read !== "object" || read === null || Array.isArray(read)) throw new Error(t("alerts.json_object"));
      last.current = shown(read);
      change(read as Body);
    } catch (error) {
      wrong.value = (error as Error).message;
    }
    box.setCustomValidity(wrong.value);
  };
  return (
    <>
      <textarea
        aria-label="JSON"
        rows={jsonRows}
        spellcheck={false}
        value={text.value}
        onInput={(e) => take(e.currentTarget)}
      />
      {wrong.value && <span role="alert">{wrong.value}</span>}
    </>
  );
}

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/** The name of a day of the week; the first of January 2024 was a Monday. */
const dayName = (i: number): string =>
  new Intl.DateTimeFormat(lang.value, { weekday: "short" }).format(new Date(2024, 0, 1 + i));

function Days({ label, value, set }: { label: string; value: unknown; set: (value: unknown) => void }) {
  const on = Array.isArray(value) ? value : days;
  return (
    <fieldset class="days-of wide">
      <legend>{label}</legend>
      {days.map((day, i) => (
        <label key={day} class="check">
          <input
            type="checkbox"
            checked={on.includes(day)}
            onChange={(e) => set(days.filter((d) => (d === day ? e.currentTarget.checked : on.includes(d))))}
          />
          {dayName(i)}
        </label>
      ))}
    </fieldset>
  );
}

/** One text a line. What is being written stays as it is, blank lines too, while the form around it is drawn anew. */
function Lines({ label, value, set }: { label: string; value: unknown; set: (value: unknown) => void }) {
  const text = useSignal("");
  const lines = (): string[] => text.value.split("\n").filter((x) => x.trim());
  const kept = Array.isArray(value) ? value.join("\n") : "";
  return (
    <label class="wide">
      {label}
      <textarea
        rows={2}
        spellcheck={false}
        value={lines().join("\n") === kept ? text.value : kept}
        onInput={(e) => {
          text.value = e.currentTarget.value;
          set(lines().length ? lines() : null);
        }}
      />
    </label>
  );
}

interface One {
  field: Field;
  value: unknown;
  set: (value: unknown) => void;
}

/** What is no number is kept as it was written: the server refuses it with the place, and nothing a person wrote vanishes. */
const numeral = (text: string): unknown => (text.trim() && !Number.isNaN(Number(text)) ? Number(text) : text);
/** While it is being written, "1." is not yet 1. */
const unfinished = (text: string): unknown => (`${Number(text)}` === text ? Number(text) : text);

const native: Partial<Record<Field["type"], "datetime-local" | "time">> = {
  when: "datetime-local",
  wall: "datetime-local",
  clock: "time",
};

export function Input({ field: f, value, set }: One) {
  const label = t(`alerts.f_${f.label ?? f.name}`);
  if (f.type === "list" && f.of) return <List label={label} of={f.of} value={value} set={set} />;
  if (f.type === "texts") return <Texts label={label} offer={f.offer} value={value} set={set} />;
  if (f.type === "days") return <Days label={label} value={value} set={set} />;
  if (f.type === "flag")
    return (
      <label class="check">
        <input
          type="checkbox"
          checked={f.off ? value === true : value !== false}
          onChange={(e) => set(e.currentTarget.checked)}
        />
        {label}
      </label>
    );
  if (f.type === "choice")
    return (
      <label>
        {label}
        <select class="field" value={`${value ?? ""}`} onChange={(e) => set(e.currentTarget.value)}>
          {["", ...(f.choices ?? [])].map((c) => (
            <option key={c} value={c}>
              {c ? (known(`alerts.c_${c}`) ?? c) : "–"}
            </option>
          ))}
        </select>
      </label>
    );
  if (f.type === "lines") return <Lines label={label} value={value} set={set} />;
  const number = f.type === "number";
  return (
    <label>
      {label}
      <input
        class="field"
        type={native[f.type] ?? "text"}
        inputMode={number ? "decimal" : undefined}
        step={f.type === "when" ? "1" : undefined}
        list={f.offer && `known-${f.offer}`}
        value={f.type === "when" ? (value ? localInput(Number(value)) : "") : `${value ?? ""}`}
        onInput={(e) => {
          const said = e.currentTarget.value;
          set(number ? unfinished(said) : f.type === "when" ? Date.parse(said) : said);
        }}
        onChange={number ? (e) => set(numeral(e.currentTarget.value)) : undefined}
      />
    </label>
  );
}

/** The fields of an object or an entry, the seldom needed ones folded. */
export function Fields({ fields, body, change }: { fields: readonly Field[]; body: Body; change: (b: Body) => void }) {
  const draw = (list: readonly Field[]) =>
    list.map((f) => <Input key={f.name} field={f} value={body[f.name]} set={(v) => change(put(body, f.name, v))} />);
  const folded = fields.filter((f) => f.rare);
  return (
    <div class="form">
      {draw(fields.filter((f) => !f.rare))}
      {folded.length > 0 && (
        <details class="wide">
          <summary>{t("alerts.more")}</summary>
          <div class="form">{draw(folded)}</div>
        </details>
      )}
    </div>
  );
}

export function Form({ kind, body, change }: Props) {
  const open = useSignal(false);
  return (
    <>
      <Fields
        fields={fieldsOf(kind, body)}
        body={body}
        change={(next) => {
          const name = kind.sort ?? "";
          change(next[name] === body[name] ? next : changed(kind, next, name, next[name]));
        }}
      />
      <details class="json" onToggle={(e) => (open.value = e.currentTarget.open)}>
        <summary>{t("alerts.f_more")}</summary>
        {open.value && <Json value={body} change={change} />}
      </details>
    </>
  );
}
