// Send a first metric: lines to copy, and the moment it arrives.
import { useSignal } from "@preact/signals";
import { useCallback, useRef } from "preact/hooks";
import { type ApiError, get, me, post } from "../../api/http";
import type { Arrival, Connect as Data } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Ready, why } from "../../parts/Notes";
import { SeriesName } from "../../parts/series";
import { linkTo, one, setQuery } from "../../state/location";
import { useEvery, useResource } from "../../state/resource";
import { clock } from "../../time/format";
import { quantity } from "../../units/format";
import { snippets } from "./snippets";
import "../../parts/parts.css";
import "./connect.css";

const pollMs = 2000;

function Arrivals() {
  const since = useRef(Date.now());
  const found = useResource<{ items: Arrival[] }>("arrivals", (abort) =>
    get("/connect/arrivals", { since: since.current }, abort),
  );
  useEvery(
    pollMs,
    useCallback(() => found.reload(), [found.reload]),
  );
  return (
    <section class="panel">
      <header>
        <h2>{t("connect.arrivals")}</h2>
        <span class="soft">{t("connect.since", { time: clock(since.current) })}</span>
      </header>
      <Ready of={found}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="pad waiting" role="status">
              <Mark state="learning" /> {t("connect.waiting")}
            </p>
          ) : (
            <ul aria-live="polite">
              {items.map((a) => (
                <li key={a.series_id} class="arrival">
                  <Mark state="ok" />
                  <a href={linkTo("/explore", { series: [a.series_id] })}>
                    <SeriesName metric={a.metric} labels={a.labels} />
                  </a>
                  <b class="num">{quantity(a.value)}</b>
                  <span class="soft">{clock(a.first_ms)}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Ready>
    </section>
  );
}

function Key({ onKey }: { onKey: (key: string) => void }) {
  const error = useSignal("");
  const key = useSignal("");
  const make = (): void => {
    post<{ key: string }>("/tokens", { name: "connect", scopes: ["ingest"], expires_days: 90 }).then(
      (answer) => {
        key.value = answer.key;
        onKey(answer.key);
      },
      (e: ApiError) => {
        error.value = why(e);
      },
    );
  };
  if (me.value?.role === "viewer") return <p class="soft">{t("connect.key_ask")}</p>;
  if (key.value) return <p class="strip-note">{t("connect.key_once")}</p>;
  return (
    <p class="key">
      <button type="button" class="btn" onClick={make}>
        {t("connect.key_make")}
      </button>
      <span class="soft">{t("connect.key_what")}</span>
      {error.value && <span role="alert">{error.value}</span>}
    </p>
  );
}

function Lines({ at }: { at: Data }) {
  const key = useSignal("");
  const said = useSignal("");
  const all = snippets(at, key.value);
  const shown = all.find((s) => s.id === one("with")) ?? all[0];
  if (!shown) return null;
  const copy = (): void => {
    navigator.clipboard.writeText(shown.text).then(
      () => {
        said.value = t("connect.copied");
      },
      () => {
        said.value = t("connect.copy_refused");
      },
    );
  };
  return (
    <section class="panel">
      <header>
        <h2>{t("connect.how")}</h2>
        <span class="segments">
          {all.map((s) => (
            <button key={s.id} type="button" aria-pressed={s === shown} onClick={() => setQuery({ with: s.id })}>
              {s.name}
            </button>
          ))}
        </span>
      </header>
      <div class="pad">
        <p>{t(`connect.about_${shown.id}`)}</p>
        <pre class="snippet" tabIndex={0}>
          {shown.text}
        </pre>
        <p class="key">
          <button type="button" class="btn main" onClick={copy}>
            {t("connect.copy")}
          </button>
          <output>{said.value}</output>
        </p>
        <Key onKey={(k) => (key.value = k)} />
      </div>
    </section>
  );
}

export default function Connect() {
  const connect = useResource<Data>("connect", (abort) => get("/connect", {}, abort));
  return (
    <div class="connect">
      <Ready of={connect}>{(at) => <Lines at={at} />}</Ready>
      <Arrivals />
    </div>
  );
}
