// Messages that could not be read: why, the bytes as they came, and sending them again after the cause is mended.
import { type Signal, useSignal } from "@preact/signals";
import { type ApiError, get, me, post } from "../../api/http";
import type { DeadLetter, Health, Page } from "../../api/types";
import { t } from "../../i18n";
import { Mark } from "../../parts/Mark";
import { Ready, why } from "../../parts/Notes";
import { useResource } from "../../state/resource";
import { full } from "../../time/format";
import { short } from "../../units/format";

interface Replayed {
  sent: number;
}

function Letters({ topic, said }: { topic: string; said: Signal<string> }) {
  const letters = useResource<Page<DeadLetter>>(`dlq|${topic}`, (abort) =>
    get("/dead_letters", { topic, limit: 20 }, abort),
  );
  const replay = (offsets: number[]): void => {
    post<Replayed>("/dead_letters/replay", { topic, offsets }).then(
      (done) => {
        said.value = t("health.replayed", { n: done.sent, left: offsets.length - done.sent });
      },
      (e: ApiError) => {
        said.value = why(e);
      },
    );
  };
  return (
    <Ready of={letters}>
      {(page) => (
        <>
          <ul class="letters">
            {page.items.map((d) => (
              <li key={d.dlq_offset}>
                <b>{d.reason}</b> <span>{d.error}</span>
                <span class="soft">
                  {full(d.at_ms)} · {d.topic} {d.partition}/{d.offset}
                </span>
                <pre>{d.bytes_preview}</pre>
              </li>
            ))}
          </ul>
          <button type="button" class="btn" onClick={() => replay(page.items.map((d) => d.dlq_offset))}>
            {t("health.replay")}
          </button>
        </>
      )}
    </Ready>
  );
}

export function DeadLetters({ topics }: { topics: Health["dead_letters"] }) {
  const said = useSignal("");
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
          {me.value?.role === "admin" ? (
            <Letters topic={d.topic} said={said} />
          ) : (
            <p class="soft">{t("health.letters_admin")}</p>
          )}
        </details>
      ))}
    </section>
  );
}
