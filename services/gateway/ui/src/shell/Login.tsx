// The login page: shown over whatever address was asked for, so that a link works after signing in.
import { useSignal } from "@preact/signals";
import { type ApiError, apiUrl, call } from "../api/http";
import { t } from "../i18n";
import { Choices } from "./Rail";
import "./login.css";

function reason(error: ApiError): string {
  if (error.status === 0) return t("login.unreachable");
  if (error.status === 429) return t("login.throttled");
  return error.status === 401 || error.status === 403 ? t("login.refused") : error.message;
}

export default function Login({ done }: { done: () => void }) {
  const error = useSignal("");
  const busy = useSignal(false);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    call("POST", apiUrl("/login"), { body: { user: form.get("user"), password: form.get("password") } })
      .then(
        () => done(),
        (e: ApiError) => {
          error.value = reason(e);
        },
      )
      .finally(() => {
        busy.value = false;
      });
  };
  return (
    <main class="login">
      <div class="login-sign" aria-hidden="true" lang="ja">
        兆し
      </div>
      <form onSubmit={submit}>
        <h1>{t("login.title")}</h1>
        <p>{t("login.what")}</p>
        <label>
          {t("login.user")}
          <input name="user" autocomplete="username" required />
        </label>
        <label>
          {t("login.password")}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        {error.value && <p role="alert">{error.value}</p>}
        <button type="submit" class="btn main" disabled={busy.value}>
          {t("login.go")}
        </button>
        <p class="login-hint">{t("login.hint")}</p>
        <div class="login-choices">
          <Choices />
        </div>
      </form>
    </main>
  );
}
