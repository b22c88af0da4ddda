// Channels: where messages go. A test sends a real message with the settings in the form, so that a wrong one is found before the night.
import { useSignal } from "@preact/signals";
import { type ApiError, post } from "../../../api/http";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { why } from "../../../parts/Notes";
import type { Body } from "./kinds";
import { Objects, useObjects } from "./Objects";

function Try({ name, body }: { name: string; body: Body }) {
  const said = useSignal<{ ok: boolean; text: string } | null>(null);
  const shown = useSignal("");
  const ask = <T,>(path: string, then: (x: T) => void): void => {
    post<T>(path, { name, body }).then(then, (e: ApiError) => {
      said.value = { ok: false, text: why(e) };
    });
  };
  return (
    <div class="replay">
      <p class="actions">
        <button
          type="button"
          class="btn"
          onClick={() =>
            ask<{ state: string; text: string }>("/alerts/channels/test", (x) => {
              said.value = { ok: x.state === "sent", text: x.text };
            })
          }
        >
          {t("alerts.test")}
        </button>
        <button
          type="button"
          class="btn"
          onClick={() =>
            ask<{ text: string }>("/alerts/channels/preview", (x) => {
              shown.value = x.text;
            })
          }
        >
          {t("alerts.see_message")}
        </button>
        <output>
          {said.value && (
            <>
              <Mark state={said.value.ok ? "ok" : "odd"} /> {said.value.text || t("alerts.delivery_sent")}
            </>
          )}
        </output>
      </p>
      {shown.value && <pre class="message">{shown.value}</pre>}
    </div>
  );
}

export function Channels() {
  return (
    <Objects
      kind="channel"
      found={useObjects("channel")}
      inside={(draft) => <Try name={draft.id || "new"} body={draft.body} />}
    />
  );
}
