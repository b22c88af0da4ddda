// Dashboards that come with the house: shown beside one's own, never changed in place; saving one makes a copy.
import { type Dashboard, emptyQuery, type Panel } from "./model";

function panel(
  id: string,
  type: string,
  title: string,
  place: [number, number, number, number],
  query: Partial<Panel["query"]> = {},
  options: Panel["options"] = {},
): Panel {
  const [x, y, w, h] = place;
  return { id, type, title, x, y, w, h, query: { ...emptyQuery, ...query }, options };
}

const shell = { description: "", folder: "", tags: ["ready"], from: "now-1h" };

/** Titles are given by the page, in the person's language. */
export function readyMade(t: (key: string) => string): { id: string; dashboard: Dashboard }[] {
  const service: Dashboard = {
    ...shell,
    title: t("dashboards.ready_service"),
    variables: [{ name: "service", value: "" }],
    panels: [
      panel("a", "topk", t("dashboards.ready_oddest"), [0, 0, 4, 6], { service: "$service", limit: 8 }),
      panel("b", "heatmap", t("dashboards.ready_scores"), [4, 0, 8, 6], { service: "$service", limit: 16 }),
      panel("c", "timeseries", t("dashboards.ready_latency"), [0, 6, 6, 5], {
        service: "$service",
        q: "latency",
        limit: 4,
      }),
      panel("d", "timeseries", t("dashboards.ready_errors"), [6, 6, 6, 5], {
        service: "$service",
        q: "error",
        limit: 4,
      }),
      panel("e", "incidents", t("dashboards.ready_incidents"), [0, 11, 4, 5]),
      panel("f", "map", t("dashboards.ready_map"), [4, 11, 8, 7]),
    ],
  };
  const host: Dashboard = {
    ...shell,
    title: t("dashboards.ready_host"),
    variables: [{ name: "host", value: "" }],
    panels: [
      panel("a", "timeseries", t("dashboards.ready_cpu"), [0, 0, 6, 5], { host: "$host", q: "cpu", limit: 4 }),
      panel("b", "timeseries", t("dashboards.ready_memory"), [6, 0, 6, 5], { host: "$host", q: "mem", limit: 4 }),
      panel("c", "timeseries", t("dashboards.ready_network"), [0, 5, 6, 5], { host: "$host", q: "net", limit: 4 }),
      panel("d", "table", t("dashboards.ready_all"), [6, 5, 6, 5], { host: "$host", limit: 30 }),
    ],
  };
  return [
    { id: "ready-service", dashboard: service },
    { id: "ready-host", dashboard: host },
  ];
}
