// The ledger of attempts to tell somebody.
import { get } from "../../../api/http";
import type { Delivery, Page } from "../../../api/types";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { Ready } from "../../../parts/Notes";
import { useResource } from "../../../state/resource";
import { full } from "../../../time/format";

const marks: Record<Delivery["state"], string> = { sent: "ok", retry: "warn", failed: "odd", fallback: "warn" };

export function Deliveries() {
  const found = useResource<Page<Delivery>>("deliveries", (abort) => get("/deliveries", { limit: 50 }, abort));
  return (
    <section class="panel deliveries">
      <header>
        <h2>{t("alerts.deliveries")}</h2>
      </header>
      <Ready of={found}>
        {(page) =>
          page.items.length === 0 ? (
            <p class="pad soft">{t("alerts.deliveries_none")}</p>
          ) : (
            <div class="scroll">
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">{t("alerts.time")}</th>
                    <th scope="col">{t("alerts.channel")}</th>
                    <th scope="col">{t("alerts.outcome")}</th>
                    <th scope="col">{t("alerts.text")}</th>
                  </tr>
                </thead>
                <tbody>
                  {page.items.map((d) => (
                    <tr key={d.id}>
                      <td>{full(d.at_ms)}</td>
                      <td>{d.channel}</td>
                      <td>
                        <Mark state={marks[d.state] ?? "info"} /> {t(`alerts.delivery_${d.state}`)}{" "}
                        {(d.attempt ?? 1) > 1 && <span class="soft">{t("alerts.attempt", { n: d.attempt ?? 1 })}</span>}
                      </td>
                      <td>{d.text}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Ready>
    </section>
  );
}
