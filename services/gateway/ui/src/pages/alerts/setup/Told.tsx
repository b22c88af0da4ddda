// "Who would be told now?": labels through the tree as it stands in the form, with the people on call and what would hold the page back.
import { useSignal } from "@preact/signals";
import { type ApiError, post } from "../../../api/http";
import { known, t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { why } from "../../../parts/Notes";
import { span } from "../../../time/format";
import type { Body } from "./kinds";

interface Plan {
  path: string;
  team: string;
  told: { after_s: number; channels: string[]; people: string[]; schedule: string }[];
  held: { gate: string; by: string }[];
  missing: string[];
}

/** Matchers of the branches that lead to a node, `root/1/0`; the root has none. */
export function way(tree: Body, path: string): string[] {
  const found: string[] = [];
  let at: Body | undefined = tree;
  for (const step of path.split("/").slice(1)) {
    at = (at?.["routes"] as Body[] | undefined)?.[Number(step)];
    found.push(((at?.["match"] as string[] | undefined) ?? []).join(" "));
  }
  return found;
}

/** Labels of `name=value` lines, or the first line that is none. */
export function labelsOf(text: string): { labels: Record<string, string>; wrong?: string } {
  const labels: Record<string, string> = {};
  for (const line of text.split("\n").map((x) => x.trim())) {
    const found = /^([^=]+)=\s*"?([^"]*)"?$/.exec(line);
    if (found?.[1]) labels[found[1].trim()] = found[2] ?? "";
    else if (line) return { labels, wrong: line };
  }
  return { labels };
}

export function Told({ tree }: { tree: Body }) {
  const text = useSignal("severity=critical");
  const said = useSignal("");
  const plans = useSignal<Plan[]>([]);
  const ask = (): void => {
    const { labels, wrong } = labelsOf(text.value);
    plans.value = [];
    said.value = wrong ? t("alerts.label_wrong", { line: wrong }) : "";
    if (wrong) return;
    post<{ plans: Plan[] }>("/alerts/route", { labels, tree }).then(
      (x) => {
        plans.value = x.plans;
      },
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  return (
    <section class="replay" aria-label={t("alerts.told")}>
      <label>
        {t("alerts.labels")}
        <textarea
          rows={3}
          spellcheck={false}
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
      </label>
      <p class="actions">
        <button type="button" class="btn" onClick={ask}>
          {t("alerts.told")}
        </button>
        <output>{said.value}</output>
      </p>
      {plans.value.map((p) => (
        <div key={p.path}>
          <b>{way(tree, p.path).join(" › ") || t("alerts.root")}</b> <span class="soft">{p.team}</span>
          <ul>
            {p.told.map((s) => (
              <li key={s.after_s}>
                {s.after_s ? t("alerts.after", { span: span(s.after_s * 1000) }) : t("alerts.at_once")}:{" "}
                {s.channels.join(", ")}
                {s.schedule && <b> {s.people.join(", ") || t("alerts.nobody")}</b>}
              </li>
            ))}
            {p.held.map((h) => (
              <li key={`${h.gate} ${h.by}`}>
                <Mark state="warn" /> {t("alerts.held_back", { gate: known(`alerts.gate_${h.gate}`) ?? h.gate })}{" "}
                <span class="soft">{h.by}</span>
              </li>
            ))}
            {p.missing.map((m) => (
              <li key={m}>
                <Mark state="odd" /> {t("alerts.missing", { what: m })}
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
