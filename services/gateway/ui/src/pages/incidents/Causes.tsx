// Suspects in order, each with every term of its score, so that a person can disagree with a reason.
import { useSignal } from "@preact/signals";
import { type ApiError, me, post } from "../../api/http";
import type { Cause, Incident } from "../../api/types";
import { known, t } from "../../i18n";
import { why } from "../../parts/Notes";
import { number, score } from "../../units/format";
import { Evidence } from "./Evidence";
import { inWords, type Related } from "./related";

/** Terms by weight, without those that say nothing; bars are drawn against the heaviest. */
export function orderedTerms(terms: Record<string, number>): { name: string; value: number; share: number }[] {
  const top = Math.max(1e-9, ...Object.values(terms).map(Math.abs));
  return Object.entries(terms)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => ({ name, value, share: Math.abs(value) / top }))
    .sort((a, b) => b.share - a.share || a.name.localeCompare(b.name));
}

function Terms({ terms }: { terms: Record<string, number> }) {
  return (
    <dl class="terms">
      {orderedTerms(terms).map((x) => (
        <div key={x.name}>
          <dt>{known(`incidents.term_${x.name}`) ?? x.name}</dt>
          <dd>
            <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
              <rect class={x.value < 0 ? "term-against" : "term-for"} width={x.share * 100} height="8" rx="1" />
            </svg>
            <span class="num">
              {x.value > 0 ? "+" : ""}
              {number(x.value)}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Agree({ incident, cause }: { incident: Incident; cause: Cause }) {
  const given = useSignal("");
  const error = useSignal("");
  const say = (verdict: string): void => {
    const undo = given.value === verdict;
    post("/feedback", { target: incident.id, verdict, note: cause.entity, undo }).then(
      () => {
        given.value = undo ? "" : verdict;
      },
      (e: ApiError) => {
        error.value = why(e);
      },
    );
  };
  if (me.value?.role === "viewer") return null;
  return (
    <p class="agree">
      {["cause", "not_cause"].map((v) => (
        <button key={v} type="button" class="btn" aria-pressed={given.value === v} onClick={() => say(v)}>
          {t(`incidents.say_${v}`)}
        </button>
      ))}
      {error.value && <span role="alert">{error.value}</span>}
    </p>
  );
}

interface Props {
  incident: Incident;
  related: Related;
}

function Suspect({ cause: c, rank, incident, related }: Props & { cause: Cause; rank: number }) {
  const shown = useSignal(rank === 0);
  return (
    <li class="suspect">
      <details open={rank === 0} onToggle={(e) => (shown.value = e.currentTarget.open)}>
        <summary>
          <b>{c.entity}</b>
          {c.change_id && <span class="change">{related.changes[c.change_id] ?? c.change_id}</span>}
          <span class="num">{score(c.score)}</span>
        </summary>
        {c.text && <p>{inWords(c.text, related.changes)}</p>}
        <Terms terms={c.terms} />
        {shown.value && <Evidence incident={incident} cause={c} related={related} />}
        <Agree incident={incident} cause={c} />
      </details>
    </li>
  );
}

export function Causes({ incident, related }: Props) {
  const causes = incident.causes ?? [];
  return (
    <section class="panel">
      <header>
        <h2>{t("incidents.causes")}</h2>
        {incident.verdict === "inconclusive" && <span class="soft">{t("incidents.inconclusive")}</span>}
      </header>
      {causes.length === 0 ? (
        <p class="pad soft">{t("incidents.causes_none")}</p>
      ) : (
        <ol>
          {causes.map((c, i) => (
            <Suspect
              key={`${c.entity} ${c.change_id ?? ""}`}
              cause={c}
              rank={i}
              incident={incident}
              related={related}
            />
          ))}
        </ol>
      )}
    </section>
  );
}
