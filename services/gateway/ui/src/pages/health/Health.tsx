// How this system itself is: the flow with its lag, freshness, what was refused, and every process.
import { useCallback } from "preact/hooks";
import { get } from "../../api/http";
import type { Health as Data } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Ready } from "../../parts/Notes";
import { useEvery, useResource } from "../../state/resource";
import { span } from "../../time/format";
import { short } from "../../units/format";
import { DeadLetters } from "./DeadLetters";
import { Throughput } from "./Throughput";
import "../../parts/parts.css";
import "./health.css";

const refreshMs = 5000;
/** A consumer this many messages behind is marked. */
const lagToMark = 1000;

/** Messages a second of a topic: whichever of its readers was measured. */
function rateOf(topics: Data["topics"], name: string): string {
  const rate = topics.find((x) => x.topic === name && x.per_s != null)?.per_s;
  return rate == null ? "" : t("health.per_s", { n: short(rate) });
}

function Flow({ topics }: { topics: Data["topics"] }) {
  const names = [...new Set(topics.map((x) => x.topic))];
  if (names.length === 0) return <p class="pad soft">{t("health.no_topics")}</p>;
  return (
    <ul class="flow">
      {names.map((name) => (
        <li key={name}>
          <p>
            <b>{name}</b>
            <span class="soft num">{rateOf(topics, name)}</span>
          </p>
          <ul>
            {topics
              .filter((x) => x.topic === name)
              .map((x) => (
                <li key={x.group}>
                  <Mark state={x.lag >= lagToMark ? "warn" : "ok"} />
                  <span>{x.group}</span>
                  <span class="num">{t("health.lag_of", { n: short(x.lag) })}</span>
                </li>
              ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}

function Parts({ parts }: { parts: Data["parts"] }) {
  return (
    <div class="scroll">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">{t("health.part")}</th>
            <th scope="col">{t("health.state")}</th>
            <th scope="col" class="num">
              {t("health.memory")}
            </th>
            <th scope="col" class="num">
              {t("health.restarts")}
            </th>
          </tr>
        </thead>
        <tbody>
          {parts.map((p) => (
            <tr key={p.name}>
              <td>
                <b>{p.name}</b>
              </td>
              <td>
                <Mark state={p.ready ? "ok" : "odd"} /> {p.ready ? t("health.ready") : t("health.not_ready")}{" "}
                <span class="soft">{p.detail}</span>
              </td>
              <td class="num">{p.rss_mb ? `${short(Math.round(p.rss_mb))} MB` : "–"}</td>
              <td class="num">{p.restarts ?? "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const ms = (value: number | null): string => (value === null ? "–" : span(value));

function Top({ health: h }: { health: Data }) {
  const facts: [string, string][] = [
    ["health.fresh_score", ms(h.freshness_ms.score)],
    ["health.fresh_stored", ms(h.freshness_ms.stored)],
    ...(h.model_age_s === null ? [] : [["health.model_age", span(h.model_age_s * 1000)] as [string, string]]),
    ["health.ws_clients", short(h.ws_clients)],
  ];
  return (
    <dl class="health-top">
      <div class={h.ready ? "ready" : "ready not"}>
        <dt class="only-read">{t("health.state")}</dt>
        <dd>
          <Mark state={h.ready ? "ok" : "odd"} /> {t(h.ready ? "health.all_ready" : "health.some_not")}
        </dd>
      </div>
      {facts.map(([key, value]) => (
        <div key={key}>
          <dt>{t(key)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** in = stored + rejected + dead-lettered + duplicates; what is missing from the sum is still on its way. */
export function onTheWay(counters: Data["counters"]): number {
  const of = (name: string): number => counters[name] ?? 0;
  return Math.max(0, of("received") - of("stored") - of("rejected") - of("dead_lettered") - of("duplicates"));
}

/** A counter that has never counted is not in its part's report: nothing, unless the part itself is silent. */
function counted(counters: Data["counters"], name: string): string {
  return (counters[name] ?? (counters["received"] == null ? null : 0))?.toLocaleString() ?? "–";
}

function Ledger({ counters }: { counters: Data["counters"] }) {
  return (
    <dl class="ledger">
      {["received", "stored", "rejected", "dead_lettered", "duplicates"].map((name) => (
        <div key={name}>
          <dt>{t(`health.count_${name}`)}</dt>
          <dd class="num">{counted(counters, name)}</dd>
        </div>
      ))}
      <div>
        <dt>{t("health.count_on_the_way")}</dt>
        <dd class="num">{onTheWay(counters).toLocaleString()}</dd>
      </div>
    </dl>
  );
}

export default function Health() {
  const health = useResource<Data>("health", (abort) => get("/health", {}, abort));
  useEvery(
    refreshMs,
    useCallback(() => health.reload(), [health.reload]),
  );
  return (
    <Ready of={health}>
      {(h) => (
        <>
          <Top health={h} />
          <div class="health">
            <section class="panel wide">
              <header>
                <h2>{t("health.throughput")}</h2>
              </header>
              <Throughput />
            </section>
            <div class="stack">
              <section class="panel">
                <header>
                  <h2>{t("health.flow")}</h2>
                  <span class="soft">{t("health.flow_what")}</span>
                </header>
                <Flow topics={h.topics} />
              </section>
              <section class="panel">
                <header>
                  <h2>{t("health.ledger")}</h2>
                  <span class="soft">{t("health.ledger_what")}</span>
                </header>
                <Ledger counters={h.counters} />
              </section>
            </div>
            <section class="panel">
              <header>
                <h2>{t("health.parts")}</h2>
              </header>
              <Parts parts={h.parts} />
            </section>
            <DeadLetters topics={h.dead_letters} />
          </div>
        </>
      )}
    </Ready>
  );
}
