// Earlier versions with what changed in each, and bringing one back; and deleting, which only adds a version.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { ApiError } from "../../../api/http";
import { t } from "../../../i18n";
import { Ready, why } from "../../../parts/Notes";
import { go } from "../../../state/location";
import { useResource } from "../../../state/resource";
import { full } from "../../../time/format";
import type { Opened } from "../Dashboards";
import { erase, restore, versions } from "../shelf";
import { difference } from "./difference";

export function Versions({ opened, onRestored }: { opened: Opened; onRestored: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = useSignal(false);
  const said = useSignal("");
  const found = useResource(open.value ? opened.id : null, () => versions(opened.id));
  const failed = (e: ApiError): void => {
    said.value = why(e);
  };
  const show = (): void => {
    open.value = true;
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" class="btn" aria-haspopup="dialog" onClick={show}>
        {t("editing.versions")}
      </button>
      <dialog ref={dialog} class="versions" aria-label={t("editing.versions")} onClose={() => (open.value = false)}>
        <header>
          <h2>{t("editing.versions")}</h2>
          <button
            type="button"
            class="btn plain"
            aria-label={t("editing.close")}
            onClick={() => dialog.current?.close()}
          >
            ×
          </button>
        </header>
        {said.value && <p role="alert">{said.value}</p>}
        <Ready of={found}>
          {(all) => (
            <ol>
              {all.map((v, i) => (
                <li key={v.version}>
                  <b>{t("editing.version", { n: v.version })}</b>
                  <span class="soft">
                    {t("editing.changed", { who: v.author ?? "", time: full(v.made_at_ms ?? 0) })}
                  </span>
                  <span>
                    {difference(all[i + 1]?.body, v.body)
                      .map((d) => t(`editing.diff_${d.what}`, { n: d.n }))
                      .join(", ")}
                  </span>
                  {i > 0 && v.body !== null && (
                    <button
                      type="button"
                      class="btn"
                      onClick={() => restore(opened.id, v.version, opened.version).then(onRestored, failed)}
                    >
                      {t("editing.restore")}
                    </button>
                  )}
                </li>
              ))}
            </ol>
          )}
        </Ready>
        <button
          type="button"
          class="btn danger"
          onClick={() => erase(opened.id, opened.version).then(() => go("/dashboards"), failed)}
        >
          {t("editing.delete")}
        </button>
      </dialog>
    </>
  );
}
