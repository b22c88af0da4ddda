// "Why did it not fire?": the gates between what happened and a page, in order, with the one that stopped it.
import { useSignal } from "@preact/signals";
import { type ApiError, get, post } from "../../../api/http";
import type { Page, SeriesRow } from "../../../api/types";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { why } from "../../../parts/Notes";
import { seriesName } from "../../../parts/series";
import { useResource } from "../../../state/resource";
import { localInput } from "../../../time/format";

interface Answer {
  verdict: string;
  gates: { gate: string; passed: boolean | null; text: string }[];
}

export function WhyNot({ rule }: { rule: string }) {
  const words = useSignal("");
  const at = useSignal("");
  const said = useSignal("");
  const answer = useSignal<Answer | null>(null);
  const found = useResource<Page<SeriesRow>>(words.value ? `w${words.value}` : null, (abort) =>
    get("/series", { q: words.value, limit: 8 }, abort),
  );
  const ask = (series: string): void => {
    const at_ms = Date.parse(at.value);
    post<Answer>("/alerts/why-not", { rule, series, ...(Number.isNaN(at_ms) ? {} : { at_ms }) }).then(
      (x) => {
        answer.value = x;
        said.value = "";
      },
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  return (
    <section class="replay" aria-label={t("alerts.why_not")}>
      <h3>{t("alerts.why_not")}</h3>
      <p class="actions">
        <input
          type="search"
          class="field"
          aria-label={t("alerts.series")}
          placeholder={t("alerts.series")}
          value={words.value}
          onInput={(e) => (words.value = e.currentTarget.value)}
        />
        <input
          type="datetime-local"
          class="field"
          aria-label={t("alerts.time")}
          max={localInput(Date.now())}
          value={at.value}
          onInput={(e) => (at.value = e.currentTarget.value)}
        />
      </p>
      <p class="actions">
        {words.value &&
          found.data?.items.map((s) => (
            <button key={s.id} type="button" class="btn" onClick={() => ask(s.id)}>
              {seriesName(s.metric, s.labels)}
            </button>
          ))}
        <output>{said.value}</output>
      </p>
      {answer.value && (
        <>
          <p>
            <b>{answer.value.verdict}</b>
          </p>
          <ol>
            {answer.value.gates.map((g) => (
              <li key={g.gate}>
                <Mark state={g.passed === null ? "info" : g.passed ? "ok" : "odd"} /> {g.gate}{" "}
                <span class="soft">{g.text}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}
