// Whether this browser also says an alert while its window is hidden.
import { t } from "../../i18n";
import { notifies, setNotifies } from "../../shell/Toasts";

export function Notify() {
  if (!("Notification" in globalThis)) return null;
  const blocked = Notification.permission === "denied";
  return (
    <label class="check right" title={blocked ? t("alerts.notify_blocked") : undefined}>
      <input
        type="checkbox"
        checked={notifies.value}
        disabled={blocked}
        onChange={(e) => void setNotifies(e.currentTarget.checked)}
      />
      {t("alerts.notify")}
    </label>
  );
}
