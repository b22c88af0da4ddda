// What is at risk: room that runs out, promises (SLO), tickets and incidents, each with its reasons; a chosen series with its fan.
import type { ComponentChildren } from "preact";
import { useCallback } from "preact/hooks";
import { get } from "../../api/http";
import type { Page, Risk } from "../../api/types";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { one } from "../../state/location";
import { useEvery, useResource } from "../../state/resource";
import { Choose } from "./Choose";
import { Fan } from "./Fan";
import { Outlook } from "./Outlook";
import { RiskLine } from "./RiskLine";
import "../../parts/parts.css";
import "./forecast.css";

const everyMs = 30_000;
const kinds = ["capacity", "slo", "ticket", "incident"] as const;

/** Firing first, then by probability; those that abstain last. */
export function byUrgency(risks: readonly Risk[]): Risk[] {
  return [...risks].sort(
    (a, b) =>
      Number(b.firing ?? false) - Number(a.firing ?? false) ||
      (b.probability ?? -1) - (a.probability ?? -1) ||
      a.entity.localeCompare(b.entity),
  );
}

/** What runs out first stands first; what does not within its horizon, last. */
export function byEnd(risks: readonly Risk[]): Risk[] {
  const end = (r: Risk): number => r.eta_ms ?? Number.MAX_VALUE;
  return [...risks].sort((a, b) => end(a) - end(b) || (b.probability ?? -1) - (a.probability ?? -1));
}

/** A ticket that was answered or resolved is no risk any more. */
const open = (r: Risk): boolean => r.kind !== "ticket" || !["resolved", "acknowledged"].includes(r.reason ?? "");

function Lines({ kind, risks }: { kind: (typeof kinds)[number]; risks: Risk[] }) {
  // One line from now to the farthest end, so that the bands can be compared.
  const endMs = Date.now() + Math.max(36e5, ...risks.map((r) => (r.horizon_s ?? 0) * 1000));
  const order = kind === "capacity" ? byEnd : byUrgency;
  return (
    <ul>
      {order(risks).map((r) => (
        <RiskLine key={r.id} risk={r} endMs={endMs} />
      ))}
    </ul>
  );
}

function Kind({ kind, risks }: { kind: (typeof kinds)[number]; risks: Risk[] }) {
  let inside: ComponentChildren;
  if (risks.length === 0) inside = <p class="pad soft">{t(`forecast.none_${kind}`)}</p>;
  else if (kind === "incident") inside = <Outlook risks={risks} />;
  else inside = <Lines kind={kind} risks={risks} />;
  return (
    <section class="panel">
      <header>
        <h2>{t(`forecast.kind_${kind}`)}</h2>
        <span class="soft">{t(`forecast.what_${kind}`)}</span>
      </header>
      {inside}
    </section>
  );
}

export default function Forecast() {
  const risks = useResource<Page<Risk>>("risks", (abort) => get("/risks", { limit: 500 }, abort));
  useEvery(
    everyMs,
    useCallback(() => risks.reload(), [risks.reload]),
  );
  return (
    <Ready of={risks}>
      {(page) => {
        const first = byEnd(page.items.filter((r) => r.series_id && r.kind === "capacity"))[0];
        const series = one("series") || first?.series_id || "";
        return (
          <>
            <section class="panel fan">
              <Choose chosen={series} />
              {series && <Fan key={series} id={series} past />}
            </section>
            <div class="risks">
              {kinds.map((k) => (
                <Kind key={k} kind={k} risks={page.items.filter((r) => r.kind === k && open(r))} />
              ))}
            </div>
          </>
        );
      }}
    </Ready>
  );
}
