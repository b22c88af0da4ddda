// What people write down while they work on it, and taking it on.
import { useSignal } from "@preact/signals";
import { type ApiError, me, post } from "../../api/http";
import type { Incident } from "../../api/types";
import { t } from "../../i18n";
import { why } from "../../parts/Notes";

export function Notes({ incident }: { incident: Incident }) {
  const said = useSignal("");
  const text = useSignal("");
  if (me.value?.role === "viewer") return null;
  const send = (verdict: string, note: string): void => {
    post("/feedback", { target: incident.id, verdict, note }).then(
      () => {
        said.value = t(verdict === "note" ? "incidents.noted" : "incidents.acknowledged");
        if (verdict === "note") text.value = "";
      },
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  return (
    <form
      class="incident-note"
      onSubmit={(e) => {
        e.preventDefault();
        if (text.value.trim()) send("note", text.value.trim());
      }}
    >
      <label>
        {t("incidents.note")}
        <textarea rows={2} maxLength={2000} value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} />
      </label>
      <p>
        <button type="submit" class="btn" disabled={!text.value.trim()}>
          {t("incidents.note_add")}
        </button>
        {incident.state === "open" && (
          <button type="button" class="btn main" onClick={() => send("acknowledge", "")}>
            {t("incidents.acknowledge")}
          </button>
        )}
        <output>{said.value}</output>
      </p>
    </form>
  );
}
