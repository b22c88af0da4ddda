// A panel that has nothing to show says whether it was not asked or nothing answers.
import { t } from "../../../i18n";

export function NoSeries({ asked = false }: { asked?: boolean }) {
  return <p class="soft pad">{t(asked ? "dashboards.no_match" : "dashboards.no_query")}</p>;
}
