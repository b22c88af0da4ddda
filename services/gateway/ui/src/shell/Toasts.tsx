// A note in the corner when an alert begins to fire; with permission also outside the window while it is hidden.
import { signal } from "@preact/signals";
import { render } from "preact";
import type { Alert } from "../api/types";
import { t } from "../i18n";
import { Mark } from "../parts/Mark";
import { linkTo } from "../state/location";
import "./toasts.css";

const shown = signal<Alert[]>([]);
const most = 4;
/** What is not critical goes by itself. */
const staysMs = 15_000;
const key = "kizashi.notify";

export const notifies = signal(read());

function read(): boolean {
  try {
    return localStorage.getItem(key) === "1" && Notification.permission === "granted";
  } catch {
    return false; // no storage or no notifications in this browser
  }
}

/** Asks the browser when switched on; what it said is the answer. */
export async function setNotifies(on: boolean): Promise<void> {
  const granted = on && (await Notification.requestPermission()) === "granted";
  localStorage.setItem(key, granted ? "1" : "0");
  notifies.value = granted;
}

const close = (id: string): void => {
  shown.value = shown.value.filter((a) => a.id !== id);
};

function Toasts() {
  return (
    <div class="toasts" role="status" aria-label={t("shell.toasts")}>
      {shown.value.map((a) => (
        <p key={a.id}>
          <Mark state={a.severity} />
          <a href={linkTo("/alerts")} onClick={() => close(a.id)}>
            {a.title}
          </a>
          <button type="button" class="btn plain" aria-label={t("shell.toast_close")} onClick={() => close(a.id)}>
            ×
          </button>
        </p>
      ))}
    </div>
  );
}

export function showToast(alert: Alert): void {
  if (!document.querySelector(".toasts")) {
    const host = document.createElement("div");
    document.body.append(host);
    render(<Toasts />, host);
  }
  shown.value = [alert, ...shown.value.filter((a) => a.id !== alert.id)].slice(0, most);
  if (alert.severity !== "critical") setTimeout(() => close(alert.id), staysMs);
  if (document.hidden && notifies.value) new Notification(alert.title, { tag: alert.id, icon: "/seal.svg" });
}
