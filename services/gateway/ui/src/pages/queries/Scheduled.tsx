// Queries on a schedule: what each gave last, why it gave nothing, and a form to make, change and delete them.
import { useSignal } from "@preact/signals";
import { type ApiError, apiUrl, call, get } from "../../api/http";
import { known, t } from "../../i18n";
import { Ready, why } from "../../parts/Notes";
import { useEvery, useResource } from "../../state/resource";
import { clock, span } from "../../time/format";

interface Query {
  id: string;
  version: number;
  metric: string;
  sql: string;
  every_s?: number;
  enabled?: boolean;
  at_ms: number;
  outcome: string;
  samples: number;
  took_ms: number;
  problem: string;
}

const againMs = 10_000;
const fresh: Query = {
  id: "",
  version: 0,
  metric: "",
  sql: "",
  at_ms: 0,
  outcome: "",
  samples: 0,
  took_ms: 0,
  problem: "",
};
/** Fields that are not part of what is kept. */
const told = ["id", "version", "author", "at_ms", "outcome", "samples", "took_ms", "problem"];

function Form({ query, done }: { query: Query; done: () => void }) {
  const problem = useSignal("");
  const send = async (method: string, id: string, body?: object): Promise<void> => {
    try {
      const match = query.version ? { match: `"${query.version}"` } : {};
      await call(method, apiUrl(`/config/query/${encodeURIComponent(id)}`), body ? { ...match, body } : match);
      done();
    } catch (error) {
      problem.value = why(error as ApiError);
    }
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => `${form.get(name) ?? ""}`.trim();
    const kept = Object.fromEntries(Object.entries(query).filter(([name]) => !told.includes(name)));
    const written = {
      metric: text("metric"),
      sql: text("sql"),
      every_s: Number(text("every")),
      enabled: form.has("on"),
    };
    void send("PUT", query.id || text("id"), { ...kept, ...written });
  };
  const field = (name: string, value: string, more: object = {}) => (
    <label>
      {t(`queries.s_${name}`)}
      <input class="field" name={name} defaultValue={value} required {...more} />
    </label>
  );
  return (
    <form class="pad scheduled" onSubmit={submit}>
      {!query.id && field("id", "")}
      {field("metric", query.metric)}
      {field("every", `${query.every_s ?? 60}`, { type: "number", min: 10, max: 86400 })}
      <label>
        {t("queries.s_sql")}
        <textarea class="field" name="sql" rows={5} required defaultValue={query.sql} />
      </label>
      <label class="check">
        <input type="checkbox" name="on" defaultChecked={query.enabled ?? true} /> {t("queries.s_on")}
      </label>
      {problem.value && <p role="alert">{problem.value}</p>}
      <div class="tools">
        <button type="submit" class="btn main">
          {t("queries.s_save")}
        </button>
        {query.id && (
          <button type="button" class="btn" onClick={() => void send("DELETE", query.id)}>
            {t("queries.s_delete")}
          </button>
        )}
        <button type="button" class="btn plain" onClick={done}>
          {t("queries.s_cancel")}
        </button>
      </div>
    </form>
  );
}

export function Scheduled() {
  const found = useResource<{ items: Query[] }>("scheduled", (abort) => get("/queries/scheduled", {}, abort));
  const open = useSignal<Query | null>(null);
  useEvery(againMs, found.reload);
  const done = (): void => {
    open.value = null;
    found.reload();
  };
  return (
    <section class="panel">
      <header>
        <h2>{t("queries.s_title")}</h2>
        <button type="button" class="btn right" onClick={() => (open.value = fresh)}>
          {t("queries.s_new")}
        </button>
      </header>
      {open.value && <Form key={open.value.id} query={open.value} done={done} />}
      <Ready of={found}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="soft pad">{t("queries.s_none")}</p>
          ) : (
            <ul class="pad scheduled-list">
              {items.map((q) => (
                <li key={q.id}>
                  <button type="button" class="query-open" onClick={() => (open.value = q)}>
                    {q.id}
                  </button>{" "}
                  <code>{q.metric}</code> {span((q.every_s ?? 60) * 1000)}
                  <span class="soft">
                    {q.enabled === false
                      ? t("queries.s_off")
                      : q.outcome
                        ? t("queries.s_last", {
                            time: clock(q.at_ms),
                            outcome: known(`queries.s_is_${q.outcome}`) ?? q.outcome,
                            n: q.samples,
                            took: span(q.took_ms),
                          })
                        : t("queries.s_waits")}
                  </span>
                  {q.problem && <b class="problem">{q.problem}</b>}
                </li>
              ))}
            </ul>
          )
        }
      </Ready>
    </section>
  );
}
