// The login page: shown over whatever address was asked for, so that a link works after signing in.
import { useSignal } from "@preact/signals";
import { type ApiError, apiUrl, call } from "../api/http";
import { t } from "../i18n";
import { go, one, place } from "../state/location";
import { Choices } from "./Rail";
import "./login.css";

/** Heights of the strokes in the picture: a long quiet, then the sign. */
const strokes = Array.from({ length: 48 }, (_, i) => (i < 40 ? 6 + ((i * 7) % 5) * 1.6 : 14 + (i - 40) * 6));
const boundary = 26;
const stroke = (h: number, i: number): string => `M${i * 5} 60h3v${-h}h-3z`;

function reason(error: ApiError): string {
  if (error.status === 0) return t("login.unreachable");
  if (error.status === 429) return t("login.throttled");
  return error.status === 401 || error.status === 403 ? t("login.refused") : error.message;
}

export default function Login({ done }: { done: () => void }) {
  const error = useSignal(one("expired") ? t("login.expired") : "");
  const busy = useSignal(false);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    call("POST", apiUrl("/login"), { body: { user: form.get("user"), password: form.get("password") } })
      .then(
        () => {
          if (place.value.path === "/login") go("/", true);
          done();
        },
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
      <div class="login-sign" aria-hidden="true">
        <span lang="ja">兆し</span>
        <svg viewBox="0 0 240 60" preserveAspectRatio="none">
          <title>{t("login.title")}</title>
          <path
            class="quiet"
            d={strokes
              .filter((h) => h < boundary)
              .map(stroke)
              .join("")}
          />
          <path class="loud" d={strokes.map((h, i) => (h < boundary ? "" : stroke(h, i))).join("")} />
          <path class="edge" d={`M0 ${60 - boundary}H240`} />
        </svg>
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
