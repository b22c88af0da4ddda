// What on-call was told, what was held back and why, and everything that decides it: rules, silences, who is on call, channels, the ledger.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../../i18n";
import { hrefOf, one, place } from "../../state/location";
import { Live } from "./Live";
import { Notify } from "./Notify";
import "../../parts/parts.css";
import "./alerts.css";

const views = ["", "rules", "silences", "oncall", "channels", "log"] as const;

/** The set-up is loaded when somebody goes there: during an incident only the list matters. */
function Setup({ view }: { view: string }) {
  const loaded = useSignal<{ View: ComponentType<{ view: string }> } | null>(null);
  // Runs once: what is loaded never changes
  useEffect(() => {
    import("./setup/Setup").then((m) => {
      loaded.value = { View: m.default };
    });
  }, []);
  const View = loaded.value?.View;
  return View ? <View key={view} view={view} /> : <div class="loading" />;
}

export default function Alerts() {
  // A message of a channel links to a new silence in the words of its own.
  const view = one("view") || (one("new") === "silence" ? "silences" : "");
  return (
    <>
      <nav class="tools" aria-label={t("alerts.views")}>
        <span class="segments">
          {views.map((v) => (
            <a key={v} href={hrefOf(place.value.path, {}, { view: v })} aria-current={view === v ? "page" : undefined}>
              {t(`alerts.view_${v || "live"}`)}
            </a>
          ))}
        </span>
        <Notify />
      </nav>
      {view ? <Setup view={view} /> : <Live />}
    </>
  );
}
