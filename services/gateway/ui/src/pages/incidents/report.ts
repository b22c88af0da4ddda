// A post-mortem to start from, in Markdown, with the facts filled in and the questions left open.
import type { Incident } from "../../api/types";
import { t } from "../../i18n";
import { shares } from "./Reach";

const iso = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");
/** Text from events must not become markup of the document. */
const plain = (s: string): string => s.replace(/[\\`*_[\]<>|#]/g, "\\$&");

export function report(i: Incident): string {
  const lines = [
    `# ${plain(i.title)}`,
    "",
    `- ${t("incidents.report_id")}: ${i.id} (v${i.version})`,
    `- ${t("incidents.report_severity")}: ${i.severity}`,
    `- ${t("incidents.report_opened")}: ${iso(i.opened_ms)}`,
    ...(i.closed_ms ? [`- ${t("incidents.report_closed")}: ${iso(i.closed_ms)}`] : []),
    `- ${t("incidents.report_entities")}: ${(i.entities ?? []).map(plain).join(", ")}`,
    "",
    `## ${t("incidents.causes")}`,
    "",
    ...(i.causes ?? []).map(
      (c, n) => `${n + 1}. **${plain(c.entity)}** (${c.score.toFixed(2)}) ${plain(c.text ?? "")}`,
    ),
    "",
    `## ${t("incidents.reach")}`,
    "",
    ...shares(i.impact ?? {}).map((s) => `- ${plain(s)}`),
    ...(i.blast ?? []).map((a) => `- ${plain(a.entity)}: ${(a.probability * 100).toFixed(0)} % (${a.meaning})`),
    "",
    `## ${t("incidents.timeline")}`,
    "",
    ...(i.timeline ?? []).map((e) => `- ${iso(e.at_ms)} ${plain(e.text)}`),
    "",
    `## ${t("incidents.report_learned")}`,
    "",
    `- ${t("incidents.report_q1")}`,
    `- ${t("incidents.report_q2")}`,
    "",
  ];
  return lines.join("\n");
}
