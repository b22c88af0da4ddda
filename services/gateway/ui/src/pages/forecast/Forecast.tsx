// What is at risk: promises (SLO), room (capacity), tickets and incidents, each with its reasons; a chosen series with its fan.
import { get } from "../../api/http";
import type { Page, Risk } from "../../api/types";
import { t } from "../../i18n";
import { Empty, Ready } from "../../parts/Notes";
import { one } from "../../state/location";
import { useResource } from "../../state/resource";
import { Fan } from "./Fan";
import { RiskLine } from "./RiskLine";
import "../../parts/parts.css";
import "./forecast.css";

const kinds = ["slo", "capacity", "incident", "ticket"] as const;

/** Firing first, then by probability; those that abstain last. */
export function byUrgency(risks: readonly Risk[]): Risk[] {
  return [...risks].sort(
    (a, b) =>
      Number(b.firing ?? false) - Number(a.firing ?? false) ||
      (b.probability ?? -1) - (a.probability ?? -1) ||
      a.entity.localeCompare(b.entity),
  );
}

function Kind({ kind, risks }: { kind: (typeof kinds)[number]; risks: Risk[] }) {
  return (
    <section class="panel">
      <header>
        <h2>{t(`forecast.kind_${kind}`)}</h2>
        <span class="soft">{t(`forecast.what_${kind}`)}</span>
      </header>
      {risks.length === 0 ? (
        <p class="pad soft">{t(`forecast.none_${kind}`)}</p>
      ) : (
        <ul>
          {byUrgency(risks).map((r) => (
            <RiskLine key={r.id} risk={r} />
          ))}
        </ul>
      )}
    </section>
  );
}

export default function Forecast() {
  const risks = useResource<Page<Risk>>("risks", (abort) => get("/risks", { limit: 500 }, abort));
  const series = one("series");
  return (
    <>
      {series && (
        <section class="panel fan">
          <Fan id={series} />
        </section>
      )}
      <Ready of={risks}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty title={t("forecast.none")}>
              <p>{t("forecast.none_why")}</p>
            </Empty>
          ) : (
            <div class="risks">
              {kinds.map((k) => (
                <Kind key={k} kind={k} risks={page.items.filter((r) => r.kind === k)} />
              ))}
            </div>
          )
        }
      </Ready>
    </>
  );
}
