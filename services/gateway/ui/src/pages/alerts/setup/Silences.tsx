// Silences: always with an end; before one is made it shows what it hides now and would have hidden last week, afterwards what it hid.
import { useSignal } from "@preact/signals";
import { type ApiError, get, me, post } from "../../../api/http";
import type { Labels } from "../../../api/types";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { why } from "../../../parts/Notes";
import { useResource } from "../../../state/resource";
import { span } from "../../../time/format";
import { type Body, kinds } from "./kinds";
import { type Item, Objects, useObjects } from "./Objects";

const hourMs = 36e5;
/** Lengths that cover most reasons: a restart, a deploy, a night, a weekend. */
const lengths = [1, 4, 12, 72] as const;

interface Hit {
  id: string;
  title?: string;
  severity?: string;
  labels: Labels;
}

interface Report {
  items: { id: string; hidden: Record<string, number>; hidden_more: number }[];
}

function Hits({ title, list }: { title: string; list: readonly Hit[] }) {
  return (
    <details>
      <summary>
        {title} <b>{list.length}</b>
      </summary>
      <ul>
        {list.slice(0, 50).map((h) => (
          <li key={h.id}>
            <Mark state={h.severity ?? "info"} /> {h.title ?? h.id}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Preview({ body }: { body: Body }) {
  const said = useSignal("");
  const found = useSignal<{ now: Hit[]; last_week?: Hit[] } | null>(null);
  const ask = (): void => {
    post<{ now: Hit[]; last_week?: Hit[] }>("/alerts/silences/preview", { match: body["match"] ?? [] }).then(
      (x) => {
        found.value = x;
        said.value = "";
      },
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  return (
    <div class="replay">
      <p class="actions">
        <button type="button" class="btn" onClick={ask}>
          {t("alerts.preview")}
        </button>
        <output>{said.value}</output>
      </p>
      {found.value && (
        <>
          <Hits title={t("alerts.hides_now")} list={found.value.now} />
          {found.value.last_week && <Hits title={t("alerts.hides_week")} list={found.value.last_week} />}
        </>
      )}
    </div>
  );
}

function State({ item, report }: { item: Item; report: Report | null }) {
  const [starts, ends] = [Number(item.body["starts_ms"] ?? 0), Number(item.body["ends_ms"])];
  const now = Date.now();
  const hid = report?.items.find((x) => x.id === item.id);
  const count = hid ? Object.keys(hid.hidden).length + hid.hidden_more : 0;
  return (
    <span class="pad-side">
      <Mark state={ends <= now ? "closed" : starts > now ? "pending" : "info"} />{" "}
      {ends <= now
        ? t("alerts.over")
        : starts > now
          ? t("alerts.begins", { span: span(starts - now) })
          : t("alerts.ends", { span: span(ends - now) })}
      {count > 0 && <span class="soft"> {t("alerts.hid", { n: count })}</span>}
    </span>
  );
}

export function Silences({ start }: { start: Body | null }) {
  const report = useResource<Report | null>("hidden", (abort) =>
    // What was hidden is a bonus of the running service: the list stands without it.
    get<Report>("/alerts/silences", {}, abort).catch(() => null),
  );
  const first = start ?? null;
  return (
    <Objects
      kind="silence"
      found={useObjects("silence")}
      start={first && { ...kinds["silence"]?.fresh(), ...first, owner: me.value?.user ?? "" }}
      beside={(item) => <State item={item} report={report.data} />}
      inside={(draft, change) => (
        <>
          <p class="actions">
            {t("alerts.lasts")}
            {lengths.map((h) => (
              <button
                key={h}
                type="button"
                class="btn"
                onClick={() => change({ ...draft.body, ends_ms: Math.round(Date.now() / 1000) * 1000 + h * hourMs })}
              >
                {span(h * hourMs)}
              </button>
            ))}
          </p>
          <Preview body={draft.body} />
        </>
      )}
    />
  );
}
