// "Would it have paged me?": the recorded time through the production chain with this rule changed, beside how it is now. Nothing is sent.
import { useSignal } from "@preact/signals";
import { type ApiError, post } from "../../../api/http";
import { known, t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { why } from "../../../parts/Notes";
import { dayClock, span } from "../../../time/format";
import { number } from "../../../units/format";
import type { Body } from "./kinds";

interface Told {
  at_ms: number;
  title: string;
  severity: string;
  people?: string[];
  channels?: string[];
}

interface Side {
  pages: number;
  pages_a_day: number;
  held_back: Record<string, number>;
  caught: { incident: string; title: string; lead_s: number }[];
  missed: { incident: string; title: string }[];
  pages_list: Told[];
}

interface Answer {
  seconds: number;
  now: Side;
  changed: Side | null;
  difference: { gone: Told[]; new: Told[] } | null;
}

interface Tuning {
  field: string;
  now: number;
  points: { value: number; pages_a_day: number; caught: number; missed: number; precision: number | null }[];
  suggested: number | null;
  evidence: string;
}

const days = [1, 7, 30] as const;
const dayMs = 864e5;

function Sides({ now, changed }: { now: Side; changed: Side }) {
  const rows: [string, (s: Side) => string][] = [
    ["alerts.r_pages", (s) => `${s.pages} (${t("alerts.a_day", { n: number(s.pages_a_day) })})`],
    ["alerts.r_caught", (s) => `${s.caught.length}`],
    ["alerts.r_missed", (s) => `${s.missed.length}`],
    [
      "alerts.r_lead",
      (s) => (s.caught.length ? span((s.caught.reduce((a, c) => a + c.lead_s, 0) / s.caught.length) * 1000) : "–"),
    ],
    [
      "alerts.r_held",
      (s) =>
        Object.entries(s.held_back)
          .map(([gate, n]) => `${known(`alerts.gate_${gate}`) ?? gate} ${n}`)
          .join(", ") || "0",
    ],
  ];
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">{t("alerts.r_what")}</th>
          <th scope="col">{t("alerts.r_now")}</th>
          <th scope="col">{t("alerts.r_changed")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([key, of]) => (
          <tr key={key}>
            <td>{t(key)}</td>
            <td>{of(now)}</td>
            <td>
              <b>{of(changed)}</b>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Pages({ title, list }: { title: string; list: Told[] }) {
  if (list.length === 0) return null;
  return (
    <details>
      <summary>
        {title} ({list.length})
      </summary>
      <ul>
        {list.slice(0, 50).map((p) => (
          <li key={`${p.at_ms} ${p.title}`}>
            <Mark state={p.severity} /> {dayClock(p.at_ms)} {p.title}{" "}
            <span class="soft">{(p.people ?? []).join(", ")}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Pages a day against incidents caught, a dot a setting; the present one and the suggested one are named. */
function Curve({ tuning: c }: { tuning: Tuning }) {
  const top = Math.max(1e-9, ...c.points.map((p) => p.pages_a_day));
  const all = Math.max(1, ...c.points.map((p) => p.caught + p.missed));
  return (
    <figure class="tuning">
      <svg viewBox="-4 -4 208 88" role="img" aria-label={t("alerts.tuning", { field: c.field })}>
        <path d="M0 0V80H200" />
        {c.points.map((p) => (
          <circle
            key={p.value}
            cx={(p.pages_a_day / top) * 200}
            cy={80 - (p.caught / all) * 80}
            r={p.value === c.suggested ? 5 : 3}
            class={p.value === c.suggested ? "suggested" : p.value === c.now ? "present" : ""}
          >
            <title>{`${c.field} ${p.value}: ${number(p.pages_a_day)}, ${p.caught}/${p.caught + p.missed}`}</title>
          </circle>
        ))}
      </svg>
      <figcaption>
        <span class="soft">{t("alerts.tuning", { field: c.field })}</span>{" "}
        {c.suggested === null ? "" : <b>{t("alerts.suggested", { field: c.field, value: c.suggested })}</b>}{" "}
        {c.evidence}
      </figcaption>
    </figure>
  );
}

export function Replay({ id, body }: { id: string; body: Body }) {
  const said = useSignal("");
  const answer = useSignal<Answer | null>(null);
  const tuning = useSignal<Tuning | null>(null);
  const range = (n: number) => ({ from_ms: Date.now() - n * dayMs, to_ms: Date.now() });
  const ask = <T,>(path: string, question: object, into: { value: T | null }): void => {
    said.value = t("alerts.replaying");
    post<T>(path, question).then(
      (x) => {
        into.value = x;
        said.value = "";
      },
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  return (
    <section class="replay" aria-label={t("alerts.replay")}>
      <h3>{t("alerts.replay")}</h3>
      <p class="actions">
        {days.map((n) => (
          <button
            key={n}
            type="button"
            class="btn"
            onClick={() => ask("/alerts/replay", { ...range(n), config: { rules: { [id]: body } } }, answer)}
          >
            {t("alerts.last_days", { n })}
          </button>
        ))}
        <button type="button" class="btn" onClick={() => ask("/alerts/tuning", { rule: id, ...range(7) }, tuning)}>
          {t("alerts.tune")}
        </button>
        <output>{said.value}</output>
      </p>
      {answer.value && (
        <>
          <Sides now={answer.value.now} changed={answer.value.changed ?? answer.value.now} />
          <Pages title={t("alerts.r_new")} list={answer.value.difference?.new ?? []} />
          <Pages title={t("alerts.r_gone")} list={answer.value.difference?.gone ?? []} />
          <Pages title={t("alerts.r_all")} list={(answer.value.changed ?? answer.value.now).pages_list} />
        </>
      )}
      {tuning.value && <Curve tuning={tuning.value} />}
    </section>
  );
}
