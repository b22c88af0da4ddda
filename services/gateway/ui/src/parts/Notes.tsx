// What a page says when it has nothing, not yet, not any more, or not at all: why, and what to do.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/http";
import { t } from "../i18n";
import type { Resource } from "../state/resource";
import { clock } from "../time/format";

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="note">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** The reason of a failed request in words of the person's language; the server's own sentence where it has one. */
export function why(error: ApiError): string {
  if (error.status === 0) return t("parts.unreachable");
  if (error.status === 403) return t("parts.forbidden");
  if (error.status === 404) return error.detail || t("parts.gone");
  if (error.status === 503) return error.detail || t("parts.store_down");
  return error.message;
}

export function Failed({ error, retry }: { error: ApiError; retry: () => void }) {
  return (
    <div class="note" role="alert">
      <h2>{t("parts.failed")}</h2>
      <p>{why(error)}</p>
      <button type="button" class="btn" onClick={retry}>
        {t("parts.retry")}
      </button>
    </div>
  );
}

/** Shows the children once data is there; keeps them, marked as old, when a later request fails. */
export function Ready<T>({ of, children }: { of: Resource<T>; children: (data: T) => ComponentChildren }) {
  if (of.data === null) {
    if (of.error) return <Failed error={of.error} retry={of.reload} />;
    return <div class="loading" role="status" aria-label={t("parts.loading")} />;
  }
  return (
    <>
      {of.error && (
        <div class="strip-note" role="alert">
          {t("parts.old", { time: clock(of.atMs) })} {why(of.error)}
          <button type="button" class="btn" onClick={of.reload}>
            {t("parts.retry")}
          </button>
        </div>
      )}
      {children(of.data)}
    </>
  );
}
