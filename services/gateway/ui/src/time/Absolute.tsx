// Start and end of a range by date and time.
import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { setRange } from "../parts/RangePicker";
import { localInput } from "./format";
import { parseTime, type Range } from "./range";

export default function Absolute({ range, close }: { range: Range; close: () => void }) {
  const from = useSignal(localInput(range.fromMs));
  const to = useSignal(localInput(range.toMs));
  const fromMs = parseTime(from.value, Date.now());
  const toMs = parseTime(to.value, Date.now());
  const wrong = fromMs === null || toMs === null || fromMs >= toMs;
  return (
    <form
      class="absolute"
      onSubmit={(e) => {
        e.preventDefault();
        if (!wrong) setRange({ fromMs, toMs });
        close();
      }}
    >
      <label>
        {t("parts.from")}
        <input
          type="datetime-local"
          step="1"
          value={from.value}
          onInput={(e) => (from.value = e.currentTarget.value)}
        />
      </label>
      <label>
        {t("parts.to")}
        <input type="datetime-local" step="1" value={to.value} onInput={(e) => (to.value = e.currentTarget.value)} />
      </label>
      {wrong && <p role="alert">{t("parts.range_wrong")}</p>}
      <button type="submit" class="btn main" disabled={wrong}>
        {t("parts.apply")}
      </button>
    </form>
  );
}
