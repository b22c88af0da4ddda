// What the store was asked lately, by the time it took together: who asked, how much was read, and how the engine would run it.
import { useSignal } from "@preact/signals";
import { get } from "../../api/http";
import { t } from "../../i18n";
import { Empty, Ready } from "../../parts/Notes";
import { one, setQuery } from "../../state/location";
import { useResource } from "../../state/resource";
import { span } from "../../time/format";
import { quantity, short } from "../../units/format";
import { Plan } from "./Plan";
import { Scheduled } from "./Scheduled";
import "../../parts/parts.css";
import "./queries.css";

export interface Slow {
  hash: string;
  asked_by: string;
  people: string[];
  query: string;
  times: number;
  p50_ms: number;
  p95_ms: number;
  max_ms: number;
  total_ms: number;
  read_rows: number;
  read_bytes: number;
  memory_bytes: number;
  failed: number;
}

const windows = [15, 60, 360, 1440] as const;

function Row({ row }: { row: Slow }) {
  const open = useSignal(false);
  return (
    <>
      <tr>
        <td>
          <button
            type="button"
            class="query-open"
            aria-expanded={open.value}
            onClick={() => (open.value = !open.value)}
          >
            {row.asked_by || t("queries.unnamed")}
          </button>
          <span class="soft"> {row.people.join(", ")}</span>
          <code>{row.query.replace(/\s+/g, " ").slice(0, 90)}</code>
        </td>
        <td class="num">{short(row.times)}</td>
        <td class="num">{span(row.p50_ms)}</td>
        <td class="num">{span(row.p95_ms)}</td>
        <td class="num">{span(row.total_ms)}</td>
        <td class="num">{short(row.read_rows)}</td>
        <td class="num">{quantity(row.read_bytes, "bytes")}</td>
        <td class="num">{row.failed ? short(row.failed) : ""}</td>
      </tr>
      {open.value && (
        <tr>
          <td colSpan={8}>
            <pre class="query-text">{row.query}</pre>
            {/^\s*(with|select)\b/i.test(row.query) && <Plan sql={row.query} />}
          </td>
        </tr>
      )}
    </>
  );
}

const heads = ["times", "p50", "p95", "total", "rows", "bytes", "failed"] as const;

export default function Queries() {
  const minutes = Number(one("minutes")) || 60;
  const found = useResource<{ items: Slow[] }>(`slow|${minutes}`, (abort) =>
    get("/queries/slow", { minutes, limit: 100 }, abort),
  );
  return (
    <>
      <div class="tools">
        <span class="segments">
          {windows.map((m) => (
            <button key={m} type="button" aria-pressed={m === minutes} onClick={() => setQuery({ minutes: m })}>
              {span(m * 60_000)}
            </button>
          ))}
        </span>
        <button type="button" class="btn" onClick={found.reload}>
          {t("queries.again")}
        </button>
      </div>
      <Ready of={found}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t("queries.none")}>
              <p>{t("queries.none_why")}</p>
            </Empty>
          ) : (
            <div class="panel scroll" tabIndex={0}>
              <table class="rows queries">
                <thead>
                  <tr>
                    <th scope="col">{t("queries.query")}</th>
                    {heads.map((h) => (
                      <th key={h} scope="col" class="num">
                        {t(`queries.col_${h}`)}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {items.map((row) => (
                    <Row key={row.hash} row={row} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Ready>
      <Scheduled />
    </>
  );
}
