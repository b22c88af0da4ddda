// The time range of a page: presets, steps back and forth, absolute times. It lives in the address as `from` and `to`.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { t } from "../i18n";
import { one, setQuery } from "../state/location";
import { dayClock } from "../time/format";
import { presets, type Range, zoomRange } from "../time/range";

export function setRange(range: { fromMs: number; toMs: number }): void {
  setQuery({ from: Math.round(range.fromMs), to: Math.round(range.toMs) }, false);
}

export function RangePicker({ range, fallback }: { range: Range; fallback: string }) {
  const form = useSignal<{ Form: ComponentType<{ range: Range; close: () => void }> } | null>(null);
  const toggle = (): void => {
    if (form.value) form.value = null;
    else
      import("../time/Absolute").then((m) => {
        form.value = { Form: m.default };
      });
  };
  const Form = form.value?.Form;
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
            title={t(`parts.long_${p.slice(4)}`)}
            onClick={() => setQuery({ from: p === fallback ? null : p, to: null }, false)}
          >
            {t(`parts.now_${p.slice(4)}`)}
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
        <button type="button" class="btn" aria-expanded={Form !== undefined} onClick={toggle}>
          {range.live ? t("parts.absolute") : `${dayClock(range.fromMs)} – ${dayClock(range.toMs)}`}
        </button>
        {Form && <Form range={range} close={toggle} />}
      </span>
    </fieldset>
  );
}
