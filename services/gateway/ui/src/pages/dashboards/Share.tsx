// Links to a dashboard for people without an account: made, listed, revoked.
import { useSignal } from "@preact/signals";
import { type ApiError, apiUrl, call, get, post } from "../../api/http";
import type { Page } from "../../api/types";
import { t } from "../../i18n";
import { Ready, why } from "../../parts/Notes";
import { useResource } from "../../state/resource";
import { full } from "../../time/format";
import { freeze, rowsOf } from "../shared/frozen";
import type { Dashboard } from "./model";

interface Kept {
  id: string;
  dashboard: string;
  author: string;
  expires_ms: number;
  frozen: boolean;
}

export interface ShareProps {
  id: string;
  dashboard: Dashboard;
  values: Record<string, string>;
  range: { fromMs: number; toMs: number };
}

const lengths = [1, 7, 30, 90] as const;

async function make({ id, dashboard, values, range }: ShareProps, frozen: boolean, days: number): Promise<string> {
  const series = frozen ? [] : (await rowsOf(dashboard, values)).map((r) => r.id);
  const snapshot = frozen ? await freeze(dashboard, values, range) : null;
  const link = await post<{ path: string }>("/shares", { dashboard: id, series, expires_days: days, snapshot });
  const chosen = Object.entries(values).filter(([, v]) => v && !frozen);
  const query = new URLSearchParams(chosen.map(([name, v]): [string, string] => [`var-${name}`, v])).toString();
  return `${location.origin}${link.path}${query ? `?${query}` : ""}`;
}

export default function Share(props: ShareProps) {
  const days = useSignal<number>(7);
  const link = useSignal("");
  const said = useSignal("");
  const kept = useResource<Page<Kept>>("shares", (abort) => get("/shares", {}, abort));
  const failed = (e: ApiError): void => {
    said.value = why(e);
  };
  const go = (frozen: boolean): void => {
    said.value = t("dashboards.making");
    make(props, frozen, days.value).then((url) => {
      link.value = url;
      said.value = "";
      kept.reload();
    }, failed);
  };
  return (
    <section class="panel share" aria-label={t("dashboards.share")}>
      <p class="tools">
        <label>
          {t("dashboards.valid")}{" "}
          <select class="field" value={`${days.value}`} onChange={(e) => (days.value = Number(e.currentTarget.value))}>
            {lengths.map((n) => (
              <option key={n} value={n}>
                {t("dashboards.days", { n })}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="btn" onClick={() => go(false)}>
          {t("dashboards.share_live")}
        </button>
        <button type="button" class="btn" onClick={() => go(true)}>
          {t("dashboards.share_frozen")}
        </button>
        <output>{said.value}</output>
      </p>
      {link.value && (
        <p class="tools">
          <input class="field wide" readOnly value={link.value} aria-label={t("dashboards.link")} />
          <button type="button" class="btn main" onClick={() => void navigator.clipboard.writeText(link.value)}>
            {t("dashboards.copy_link")}
          </button>
          <span class="soft">{t("dashboards.link_once")}</span>
        </p>
      )}
      <Ready of={kept}>
        {(page) => (
          <ul>
            {page.items
              .filter((k) => k.dashboard === props.id && k.expires_ms > Date.now())
              .map((k) => (
                <li key={k.id}>
                  {t(k.frozen ? "dashboards.is_frozen" : "dashboards.is_live")} · {k.author} ·{" "}
                  {t("dashboards.expires", { time: full(k.expires_ms) })}
                  <button
                    type="button"
                    class="btn plain"
                    onClick={() => call("DELETE", apiUrl(`/shares/${k.id}`)).then(kept.reload, failed)}
                  >
                    {t("dashboards.revoke")}
                  </button>
                </li>
              ))}
          </ul>
        )}
      </Ready>
    </section>
  );
}
