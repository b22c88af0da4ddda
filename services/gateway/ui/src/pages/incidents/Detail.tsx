// One incident: what it is, what most likely caused it, whom it reaches, what happened when.
import type { Incident } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { save } from "../../parts/save";
import { useResource } from "../../state/resource";
import { full } from "../../time/format";
import { Causes } from "./Causes";
import { Notes } from "./Notes";
import { Reach } from "./Reach";
import { type Related, related } from "./related";
import { report } from "./report";
import { Timeline } from "./Timeline";

const nothing: Related = { episodes: [], changes: {} };

export function Detail({ incident: i }: { incident: Incident }) {
  const found = useResource<Related>(`${i.id} ${i.version}`, (abort) => related(i, abort));
  const beside = found.data ?? nothing;
  return (
    <article class="incident-detail">
      <header class="incident-head">
        <h2>{i.title}</h2>
        <p>
          <Mark state={i.state === "open" ? i.severity : "closed"} word />{" "}
          {t("incidents.opened", { time: full(i.opened_ms) })}
          {i.closed_ms ? ` · ${t("incidents.closed", { time: full(i.closed_ms) })}` : ""} ·{" "}
          {(i.entities ?? []).join(", ")}
        </p>
        <button
          type="button"
          class="btn"
          onClick={() => save(new Blob([report(i)], { type: "text/markdown" }), `incident-${i.id}.md`)}
        >
          {t("incidents.export")}
        </button>
      </header>
      <Causes incident={i} related={beside} />
      <Reach incident={i} related={beside} />
      <Timeline incident={i} related={beside} />
      <Notes incident={i} />
    </article>
  );
}
