// The dependency map of the whole tenant, with what is odd now.
import { get } from "../../../api/http";
import type { Edge, Overview, Page } from "../../../api/types";
import { t } from "../../../i18n";
import { DependencyMap, type Standing } from "../../../map/DependencyMap";
import { Ready } from "../../../parts/Notes";
import { linkTo } from "../../../state/location";
import { useResource } from "../../../state/resource";

interface Both {
  edges: Edge[];
  odd: Set<string>;
}

export default function ServiceMap() {
  const found = useResource<Both>("map", async (abort) => {
    const [edges, overview] = await Promise.all([
      get<Page<Edge>>("/edges", {}, abort),
      get<Overview>("/overview", {}, abort),
    ]);
    return {
      edges: edges.items,
      odd: new Set(overview.services.filter((s) => s.state === "odd").map((s) => s.service)),
    };
  });
  return (
    <Ready of={found}>
      {({ edges, odd }) => {
        if (edges.length === 0) return <p class="soft pad">{t("dashboards.no_edges")}</p>;
        const names = [...new Set(edges.flatMap((e) => [e.caller, e.callee]))];
        const standing = (name: string): Standing => ({ role: odd.has(name) ? "odd" : "none" });
        return (
          <DependencyMap
            names={names}
            edges={edges}
            standing={standing}
            href={(name) => linkTo("/explore", { service: [name] })}
          />
        );
      }}
    </Ready>
  );
}
