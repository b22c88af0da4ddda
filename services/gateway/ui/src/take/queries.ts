// The request behind a chart, for a terminal, a notebook or Grafana. Pure.

/** Shell quotes that nothing leaves. */
const shell = (text: string): string => `'${text.replace(/'/g, "'\\''")}'`;
const iso = (ms: number): string => new Date(ms).toISOString().replace("T", " ").replace("Z", "");

export function curlOf(url: string): string {
  return `curl -H "Authorization: Bearer $KIZASHI_KEY" ${shell(url)}`;
}

const columns = "time, value, expected, lower, upper, score";
const idList = (ids: readonly string[]): string => ids.map((id) => `'${id.replace(/[^0-9a-f]/g, "")}'`).join(", ");

/** For `kizashi query` or any client of the store. */
export function sqlOf(ids: readonly string[], fromMs: number, toMs: number): string {
  return `SELECT series_id, ${columns}\nFROM v_scores\nWHERE series_id IN (${idList(ids)})\n  AND time >= toDateTime64('${iso(fromMs)}', 3, 'UTC') AND time < toDateTime64('${iso(toMs)}', 3, 'UTC')\nORDER BY series_id, time`;
}

/** For a panel of Grafana's ClickHouse data source: the dashboard's own time range. */
export function grafanaOf(ids: readonly string[]): string {
  return `SELECT ${columns}\nFROM v_scores\nWHERE series_id IN (${idList(ids)})\n  AND $__timeFilter(time)\nORDER BY time`;
}
