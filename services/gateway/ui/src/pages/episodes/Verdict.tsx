// A person's verdict: the scorers learn from it, and it can be taken back.
import { useSignal } from "@preact/signals";
import { type ApiError, me, post } from "../../api/http";
import { t } from "../../i18n";
import { why } from "../../parts/Notes";

const verdicts = ["true", "false", "expected"] as const;

export function Verdict({ target, seriesId }: { target: string; seriesId: string }) {
  const given = useSignal("");
  const busy = useSignal(false);
  const error = useSignal("");
  const say = (verdict: string, undo: boolean): void => {
    busy.value = true;
    error.value = "";
    post("/feedback", { target, verdict, series_id: seriesId, undo })
      .then(
        () => {
          given.value = undo ? "" : verdict;
        },
        (e: ApiError) => {
          error.value = why(e);
        },
      )
      .finally(() => {
        busy.value = false;
      });
  };
  if (me.value?.role === "viewer") return null;
  return (
    <fieldset class="verdict" disabled={busy.value}>
      <legend>{t("episodes.verdict")}</legend>
      {verdicts.map((v) => (
        <button
          key={v}
          type="button"
          class="btn"
          aria-pressed={given.value === v}
          onClick={() => say(v, given.value === v)}
        >
          {t(`episodes.verdict_${v}`)}
        </button>
      ))}
      <output>{given.value ? t("episodes.thanks") : ""}</output>
      {error.value && <p role="alert">{error.value}</p>}
    </fieldset>
  );
}
