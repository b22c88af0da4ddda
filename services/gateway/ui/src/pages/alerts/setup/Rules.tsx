// Rules: those that come with the house and one's own; beside each what it does now, would have done, and why it kept silent.
import { useSignal } from "@preact/signals";
import { type ApiError, get, post } from "../../../api/http";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { Ready, why } from "../../../parts/Notes";
import { one } from "../../../state/location";
import { useResource } from "../../../state/resource";
import type { Body } from "./kinds";
import { type Item, Objects, useObjects } from "./Objects";
import { Replay } from "./Replay";
import { WhyNot } from "./WhyNot";

interface Standing {
  items: { id: string; origin: "default" | "own" | "replaced"; body: Body; problem?: string }[];
}

/** Whether alerting takes the rule as it stands in the form; said before it is saved. */
function Check({ id, body }: { id: string; body: Body }) {
  const said = useSignal<{ ok: boolean; problem?: string } | null>(null);
  const failed = useSignal("");
  const ask = (): void => {
    post<{ ok: boolean; problem?: string }>("/alerts/check", { kind: "rule", id: id || "new", body }).then(
      (x) => {
        said.value = x;
        failed.value = "";
      },
      (e: ApiError) => {
        failed.value = why(e);
      },
    );
  };
  return (
    <p class="actions">
      <button type="button" class="btn" onClick={ask}>
        {t("alerts.check")}
      </button>
      <output>
        {said.value && (
          <>
            <Mark state={said.value.ok ? "ok" : "odd"} /> {said.value.ok ? t("alerts.check_ok") : said.value.problem}
          </>
        )}
        {failed.value}
      </output>
    </p>
  );
}

export function Rules() {
  const own = useObjects("rule");
  const standing = useResource<Standing>("rules", (abort) => get("/alerts/rules", {}, abort));
  const found = {
    ...own,
    reload: () => {
      own.reload();
      standing.reload();
    },
  };
  const problems = new Map((standing.data?.items ?? []).filter((r) => r.problem).map((r) => [r.id, r.problem]));
  const given = (standing.data?.items ?? []).map((r): Item => ({ id: r.id, version: 0, body: r.body }));
  return (
    <div class="stack">
      {standing.error && <Ready of={standing}>{() => null}</Ready>}
      <Objects
        kind="rule"
        found={found}
        given={given}
        marked={one("id")}
        beside={(item: Item) =>
          problems.has(item.id) ? (
            <span class="pad-side">
              <Mark state="odd" /> {problems.get(item.id)}
            </span>
          ) : null
        }
        inside={(draft) => (
          <>
            <Check id={draft.id} body={draft.body} />
            <Replay id={draft.id || "new"} body={draft.body} />
            {draft.id && <WhyNot rule={draft.id} />}
          </>
        )}
      />
    </div>
  );
}
