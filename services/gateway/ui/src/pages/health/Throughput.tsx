// Samples a second over the last quarter of an hour, and how long one takes from sender to score.
import { useCallback, useMemo } from "preact/hooks";
import { get } from "../../api/http";
import { columnsOf } from "../../charts/columns";
import { TimeChart } from "../../charts/TimeChart";
import { t } from "../../i18n";
import { Ready } from "../../parts/Notes";
import { useEvery, useResource } from "../../state/resource";
import { span } from "../../time/format";

interface Stats {
  history: { ts: number[]; samples_per_s: (number | null)[] };
  delay_ms: { p50: number | null; p99: number | null };
}

const refreshMs = 10_000;
const shownMs = 9e5;

function Chart({ stats }: { stats: Stats }) {
  const columns = useMemo(() => columnsOf({ ts: stats.history.ts, value: stats.history.samples_per_s }), [stats]);
  const end = columns.ts.at(-1) ?? Date.now();
  return (
    <TimeChart
      name={t("health.throughput")}
      unit="/s"
      columns={columns}
      fromMs={end - shownMs}
      toMs={end}
      height={150}
      sync="health"
    />
  );
}

export function Throughput() {
  const stats = useResource<Stats>("stats", (abort) => get("/stats", {}, abort));
  useEvery(
    refreshMs,
    useCallback(() => stats.reload(), [stats.reload]),
  );
  return (
    <Ready of={stats}>
      {(s) => (
        <>
          <p class="delay soft">
            {t("health.delay", {
              p50: s.delay_ms.p50 === null ? "–" : span(s.delay_ms.p50),
              p99: s.delay_ms.p99 === null ? "–" : span(s.delay_ms.p99),
            })}
          </p>
          <Chart stats={s} />
        </>
      )}
    </Ready>
  );
}
