// The time range of a page: presets, steps back and forth, absolute times. It lives in the address as `from` and `to`.
import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { one, setQuery } from "../state/location";
import { dayClock, localInput } from "../time/format";
import { parseTime, presets, type Range, zoomRange } from "../time/range";

export function setRange(range: { fromMs: number; toMs: number }): void {
  setQuery({ from: Math.round(range.fromMs), to: Math.round(range.toMs) }, false);
}

function Absolute({ range, close }: { range: Range; close: () => void }) {
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

export function RangePicker({ range, fallback }: { range: Range; fallback: string }) {
  const open = useSignal(false);
  const chosen = range.live ? one("from") || fallback : "";
  const width = range.toMs - range.fromMs;
  return (
    <fieldset class="range" aria-label={t("parts.range")}>
      <button
        type="button"
        class="btn"
        aria-label={t("parts.earlier")}
        onClick={() => setRange({ fromMs: range.fromMs - width / 2, toMs: range.toMs - width / 2 })}
      >
        ‹
      </button>
      <span class="segments">
        {presets.map((p) => (
          <button
            key={p}
            type="button"
            aria-pressed={chosen === p}
            title={t(`parts.${p.replaceAll("-", "_")}_long`)}
            onClick={() => setQuery({ from: p === fallback ? null : p, to: null }, false)}
          >
            {t(`parts.${p.replaceAll("-", "_")}`)}
          </button>
        ))}
      </span>
      <button
        type="button"
        class="btn"
        aria-label={t("parts.later")}
        disabled={range.live}
        onClick={() => setRange({ fromMs: range.fromMs + width / 2, toMs: range.toMs + width / 2 })}
      >
        ›
      </button>
      <button type="button" class="btn" aria-label={t("parts.zoom_out")} onClick={() => setRange(zoomRange(range, 2))}>
        −
      </button>
      <span class="range-open">
        <button type="button" class="btn" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
          {range.live ? t("parts.absolute") : `${dayClock(range.fromMs)} – ${dayClock(range.toMs)}`}
        </button>
        {open.value && <Absolute range={range} close={() => (open.value = false)} />}
      </span>
    </fieldset>
  );
}
