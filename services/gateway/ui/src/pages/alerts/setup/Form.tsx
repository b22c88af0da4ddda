// Draws an object as a form from its kind's table of fields.
import { useSignal } from "@preact/signals";
import { known, t } from "../../../i18n";
import { localInput } from "../../../time/format";
import { type Body, changed, type Field, fieldsOf, type Kind, restOf } from "./kinds";

interface Props {
  kind: Kind;
  body: Body;
  change: (body: Body) => void;
}

/** JSON that is being written: a text that is none yet is kept and said, and does not reach the object. */
function Json({ label, value, change }: { label: string; value: unknown; change: (value: unknown) => void }) {
  const text = useSignal(JSON.stringify(value ?? null, null, 1));
  const wrong = useSignal("");
  return (
    <label class="wide">
      {label}
      <textarea
        rows={Math.min(14, text.value.split("\n").length + 1)}
        spellcheck={false}
        value={text.value}
        onInput={(e) => {
          text.value = e.currentTarget.value;
          try {
            change(JSON.parse(text.value));
            wrong.value = "";
          } catch (error) {
            wrong.value = (error as Error).message;
          }
        }}
      />
      {wrong.value && <span role="alert">{wrong.value}</span>}
    </label>
  );
}

function Input({ field: f, value, set }: { field: Field; value: unknown; set: (value: unknown) => void }) {
  const label = t(`alerts.f_${f.name}`);
  if (f.type === "parts") return <Json label={label} value={value} change={set} />;
  if (f.type === "flag")
    return (
      <label class="check">
        <input type="checkbox" checked={value !== false} onChange={(e) => set(e.currentTarget.checked)} />
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
  if (f.type === "lines")
    return (
      <label class="wide">
        {label}
        <textarea
          rows={2}
          spellcheck={false}
          value={Array.isArray(value) ? value.join("\n") : ""}
          onChange={(e) => set(e.currentTarget.value.split("\n").filter((x) => x.trim()))}
        />
      </label>
    );
  if (f.type === "when")
    return (
      <label>
        {label}
        <input
          class="field"
          type="datetime-local"
          step="1"
          value={value ? localInput(Number(value)) : ""}
          onInput={(e) => set(Date.parse(e.currentTarget.value))}
        />
      </label>
    );
  const number = f.type === "number";
  return (
    <label>
      {label}
      <input
        class="field"
        inputMode={number ? "decimal" : "text"}
        value={`${value ?? ""}`}
        onChange={(e) => set(number && e.currentTarget.value ? Number(e.currentTarget.value) : e.currentTarget.value)}
      />
    </label>
  );
}

export function Form({ kind, body, change }: Props) {
  const rest = restOf(kind, body);
  return (
    <div class="form">
      {fieldsOf(kind, body).map((f) => (
        <Input key={f.name} field={f} value={body[f.name]} set={(v) => change(changed(kind, body, f.name, v))} />
      ))}
      {Object.keys(rest).length > 0 && (
        <Json
          label={t("alerts.f_more")}
          value={rest}
          change={(v) => {
            if (typeof v !== "object" || v === null || Array.isArray(v)) return;
            const shown = Object.fromEntries(Object.entries(body).filter(([name]) => !(name in rest)));
            change({ ...shown, ...(v as Body) });
          }}
        />
      )}
    </div>
  );
}
