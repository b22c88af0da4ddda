// Messages that could not be read: why, the bytes as they came, and sending them again after the cause is mended.
import { useSignal } from "@preact/signals";
import { type ApiError, get, me, post } from "../../api/http";
import type { DeadLetter, Health, Page } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Ready, why } from "../../parts/Notes";
import { useResource } from "../../state/resource";
import { full } from "../../time/format";
import { short } from "../../units/format";

function Letters({ topic }: { topic: string }) {
  const letters = useResource<Page<DeadLetter>>(`dlq|${topic}`, (abort) =>
    get("/dead_letters", { topic, limit: 20 }, abort),
  );
  return (
    <Ready of={letters}>
      {(page) => (
        <ul class="letters">
          {page.items.map((d) => (
            <li key={`${d.partition}/${d.offset}`}>
              <b>{d.reason}</b> <span>{d.error}</span>
              <span class="soft">
                {full(d.at_ms)} · {d.topic} {d.partition}/{d.offset}
              </span>
              <pre>{d.bytes_preview}</pre>
            </li>
          ))}
        </ul>
      )}
    </Ready>
  );
}

export function DeadLetters({ topics }: { topics: Health["dead_letters"] }) {
  const said = useSignal("");
  const replay = (topic: string): void => {
    post("/dead_letters/replay", { topic }).then(
      () => {
        said.value = t("health.replayed");
      },
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  const some = topics.filter((d) => d.count > 0);
  return (
    <section class="panel wide">
      <header>
        <h2>{t("health.dead_letters")}</h2>
        <output class="soft">{said.value}</output>
      </header>
      {some.length === 0 && (
        <p class="pad">
          <Mark state="ok" /> {t("health.no_letters")}
        </p>
      )}
      {some.map((d) => (
        <details key={d.topic} class="letter-box">
          <summary>
            <Mark state="warn" /> <b>{d.topic}</b> {t("health.letters", { n: short(d.count) })}{" "}
            <span class="soft">{d.last_reason}</span>
          </summary>
          <Letters topic={d.topic} />
          {me.value?.role === "admin" && (
            <button type="button" class="btn" onClick={() => replay(d.topic)}>
              {t("health.replay")}
            </button>
          )}
        </details>
      ))}
    </section>
  );
}
