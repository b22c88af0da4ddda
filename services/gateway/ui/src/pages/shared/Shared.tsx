// A dashboard behind a link, for people without an account: live with the series of its panels, or frozen with their values.
import { useSignal } from "@preact/signals";
import { useCallback } from "preact/hooks";
import { ApiError, apiUrl, call, source } from "../../api/http";
import type { RangeAnswer, SeriesRow } from "../../api/types";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { one, place } from "../../state/location";
import { useEvery, useResource } from "../../state/resource";
import { full } from "../../time/format";
import { resolveRange } from "../../time/range";
import { Frame } from "../dashboards/Frame";
import { type Dashboard, filled, readDashboard } from "../dashboards/model";
import { panelType } from "../dashboards/registry";
import { type Frozen, found, newestOf } from "./frozen";
import "../../parts/parts.css";
import "../dashboards/dashboards.css";

interface Link {
  layout: unknown;
  series: string[];
  expires_ms: number;
  snapshot: Frozen | null;
}

interface Shown {
  dashboard: Dashboard;
  frozen: Frozen | null;
  expiresMs: number;
}

const everyMs = 60_000;
/** Newest values of a live link are read from so long before now. */
const lately = "now-10m";

type Asked = Record<string, unknown>;

/** A range asked with the link's own credential: there is no session. */
async function ranged(token: string, params: Asked, abort?: AbortSignal): Promise<RangeAnswer> {
  const url = apiUrl("/range", params as Record<string, string>);
  const answer = await fetch(url, {
    headers: { Authorization: `Bearer ${token}` },
    ...(abort ? { signal: abort } : {}),
  });
  if (!answer.ok) throw new ApiError(answer.status, answer.statusText, "");
  return (await answer.json()) as RangeAnswer;
}

/** Answers the panels from the link: frozen values, or its own series; everything else is not behind it. */
function answering(token: string, link: Link, rows: () => readonly SeriesRow[]): NonNullable<typeof source.get> {
  return async (path, params, abort) => {
    if (path === "/series") return { items: found(rows(), params as object), next: null };
    if (path !== "/range") throw new ApiError(403, "not shared", t("dashboards.not_shared"));
    const frozen = link.snapshot;
    if (!frozen) return ranged(token, params, abort);
    const asked = new Set(params["series"] as string[]);
    return { ...frozen, series: frozen.series.filter((s) => asked.has(s.id)) };
  };
}

async function open(token: string, abort: AbortSignal): Promise<Shown> {
  const link = (await call<Link>("GET", apiUrl(`/shared/${encodeURIComponent(token)}`), { signal: abort })).data;
  let rows: readonly SeriesRow[] = link.snapshot?.rows ?? [];
  if (!link.snapshot && link.series.length) {
    rows = newestOf((await ranged(token, { series: link.series, from: lately, points: 60 }, abort)).series);
  }
  source.get = answering(token, link, () => rows);
  return { dashboard: readDashboard(link.layout), frozen: link.snapshot, expiresMs: link.expires_ms };
}

function View({ shown: { dashboard: d, frozen, expiresMs } }: { shown: Shown }) {
  const turn = useSignal(0);
  useEvery(
    everyMs,
    useCallback(() => {
      if (!frozen) turn.value++;
    }, [frozen, turn]),
  );
  const values =
    frozen?.values ?? Object.fromEntries(d.variables.map((v) => [v.name, one(`var-${v.name}`) || v.value]));
  const range = frozen
    ? { fromMs: frozen.from, toMs: frozen.to, live: false, key: "frozen" }
    : { ...resolveRange(one("from"), "", Date.now(), d.from), key: `shared${turn.value}` };
  const panels = d.panels.filter((p) => p.type === "text" || panelType(p.type)?.series);
  return (
    <main class="shared">
      <div class="tools">
        <h1>{d.title}</h1>
        <h2 class="soft">
          {frozen ? t("dashboards.frozen_at", { time: full(frozen.made_ms) }) : ""}{" "}
          {t("dashboards.expires", { time: full(expiresMs) })}
        </h2>
      </div>
      <div class="board">
        {panels.map((p) => (
          <Frame key={p.id} panel={p} query={filled(p.query, values)} range={range} />
        ))}
      </div>
    </main>
  );
}

export default function Shared() {
  const token = place.value.path.split("/")[2] ?? "";
  const shown = useResource<Shown>(token, (abort) => open(token, abort));
  if (shown.error && !shown.data)
    return (
      <main class="shared note">
        <h1>{t("dashboards.no_link")}</h1>
        <p>{t("dashboards.no_link_why")}</p>
      </main>
    );
  return <Ready of={shown}>{(s) => <View shown={s} />}</Ready>;
}
