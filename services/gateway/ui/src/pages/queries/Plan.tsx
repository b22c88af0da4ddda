// How the engine would run a query: which parts it reads by which index, or its pipeline.
import { useSignal } from "@preact/signals";
import { type ApiError, post } from "../../api/http";
import { t } from "../../i18n";
import { why } from "../../parts/Notes";

interface Answer {
  lines?: string[];
  estimate?: Record<string, string | number>[];
}

const kinds = ["indexes", "estimate", "pipeline"] as const;

export function Plan({ sql }: { sql: string }) {
  const text = useSignal("");
  const explain = (kind: (typeof kinds)[number]): void => {
    post<Answer>("/queries/explain", { sql, kind }).then(
      (a) => {
        text.value =
          a.lines?.join("\n") ??
          (a.estimate ?? [])
            .map((e) =>
              Object.entries(e)
                .map(([k, v]) => `${k} ${v}`)
                .join("  "),
            )
            .join("\n");
      },
      (e: ApiError) => {
        text.value = why(e);
      },
    );
  };
  return (
    <div class="plan">
      {kinds.map((k) => (
        <button key={k} type="button" class="btn" onClick={() => explain(k)}>
          {t(`queries.plan_${k}`)}
        </button>
      ))}
      {text.value && <pre class="query-text">{text.value}</pre>}
    </div>
  );
}
