// The series that a panel's query means, and their newest rows.
import { get } from "../../api/http";
import type { Page, SeriesRow } from "../../api/types";
import { type Resource, useResource } from "../../state/resource";
import { isEmpty, type Query } from "./model";

/** An empty query asks nothing: a panel that is not set up yet must not draw the whole tenant. `turn` asks again. */
export function useSeries(query: Query, turn: string | number = 0, order = ""): Resource<Page<SeriesRow>> {
  const key = isEmpty(query) && !query.any ? null : JSON.stringify([query, turn, order]);
  return useResource<Page<SeriesRow>>(key, (abort) => {
    const { q, metric, service, host, limit } = query;
    return get("/series", { q, metric, service, host, limit, order }, abort);
  });
}
