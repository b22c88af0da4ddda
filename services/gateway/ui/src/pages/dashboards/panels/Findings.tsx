// Panels of findings in a few lines each, with the way to their pages; and plain text.
import type { ComponentChildren } from "preact";
import { useCallback } from "preact/hooks";
import { get } from "../../../api/http";
import type { Alert, Incident, Page, Risk } from "../../../api/types";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { Ready } from "../../../parts/Notes";
import { linkTo } from "../../../state/location";
import { useEvery, useResource } from "../../../state/resource";
import { dayClock } from "../../../time/format";
import { percent } from "../../../units/format";
import type { PanelProps } from "../registry";

const everyMs = 10_000;
const shown = 12;

function List<T>({
  path,
  ask,
  none,
  children,
}: {
  path: string;
  ask: Record<string, string | number>;
  none: string;
  children: (item: T) => ComponentChildren;
}) {
  const found = useResource<Page<T>>(path, (abort) => get(path, ask, abort));
  useEvery(
    everyMs,
    useCallback(() => found.reload(), [found.reload]),
  );
  return (
    <Ready of={found}>
      {(page) =>
        page.items.length === 0 ? (
          <p class="soft pad">{t(none)}</p>
        ) : (
          <ul class="brief">{page.items.slice(0, shown).map(children)}</ul>
        )
      }
    </Ready>
  );
}

export function Incidents() {
  return (
    <List<Incident> path="/incidents" ask={{ limit: shown }} none="dashboards.no_incidents">
      {(i) => (
        <li key={i.id}>
          <Mark state={i.state === "open" ? i.severity : "closed"} />
          <a href={linkTo("/incidents", { id: i.id })}>{i.title}</a>
          <span class="soft">{dayClock(i.opened_ms)}</span>
        </li>
      )}
    </List>
  );
}

export function Alerts() {
  return (
    <List<Alert> path="/alerts" ask={{ limit: shown }} none="dashboards.no_alerts">
      {(a) => (
        <li key={a.id}>
          <Mark state={a.state === "firing" ? a.severity : a.state} />
          <a href={linkTo("/alerts")}>{a.title}</a>
          <span class="soft">{dayClock(a.started_ms)}</span>
        </li>
      )}
    </List>
  );
}

export function Slo() {
  return (
    <List<Risk> path="/risks" ask={{ kind: "slo", limit: shown }} none="dashboards.no_slo">
      {(r) => (
        <li key={r.id}>
          <Mark state={r.firing ? (r.severity ?? "warning") : "ok"} />
          <a href={linkTo("/forecast")}>
            {r.entity} {r.title}
          </a>
          <b class="num">{r.budget_left == null ? "–" : percent(r.budget_left)}</b>
        </li>
      )}
    </List>
  );
}

/** Text stays text: paragraphs by empty lines, nothing is interpreted. */
export function Text({ panel }: PanelProps) {
  const paragraphs = `${panel.options["text"] ?? ""}`.split(/\n{2,}/).filter((p) => p.trim());
  return (
    <div class="prose">
      {paragraphs.map((p) => (
        <p key={p}>{p}</p>
      ))}
    </div>
  );
}
