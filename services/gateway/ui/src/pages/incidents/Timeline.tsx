// What happened when. Many findings of one entity are one line that opens; the newest word on a likeness or a suspect is enough.
import type { Incident } from "../../api/types";
import { t } from "../../i18n";
import { linkTo } from "../../state/location";
import { clock } from "../../time/format";
import { inWords, type Related } from "./related";

export type Entry = NonNullable<Incident["timeline"]>[number];
export interface Gathered extends Entry {
  /** The entries that this line stands for, in order. */
  all: Entry[];
}

/** Who a sentence is about: rca begins it with the entity. */
const about = (e: Entry): string => (e.text.includes(": ") ? (e.text.split(": ")[0] ?? "") : "");

function keyOf(e: Entry): string {
  if (e.what === "finding" && about(e)) return `finding ${about(e)}`;
  if (e.what === "cause") return `cause ${e.text}`;
  return e.ref && e.what !== "episode" ? `${e.what} ${e.ref}` : `${e.at_ms} ${e.what} ${e.text}`;
}

/** Entries of one kind about one thing are one line, with the newest words, at the time of the first. */
export function gathered(timeline: readonly Entry[]): Gathered[] {
  const lines = new Map<string, Gathered>();
  for (const e of timeline) {
    const key = keyOf(e);
    const old = lines.get(key);
    lines.set(key, old ? { ...e, at_ms: old.at_ms, all: [...old.all, e] } : { ...e, all: [e] });
  }
  return [...lines.values()].sort((a, b) => a.at_ms - b.at_ms);
}

/** Where an entry leads: to the episode or the incident that it names. */
function leadsTo(incident: Incident, ref: string | undefined): string | null {
  if (ref?.startsWith("episode-"))
    return linkTo("/episodes", { open: ref, from: Math.round(incident.opened_ms - 864e5) });
  return ref?.startsWith("incident-") ? linkTo("/incidents", { id: ref }) : null;
}

interface Props {
  incident: Incident;
  related: Related;
}

function Words({ entry: e, incident, related }: Props & { entry: Entry }) {
  const href = leadsTo(incident, e.ref);
  const text = inWords(e.text, related.changes);
  return href ? <a href={href}>{text}</a> : text;
}

function Line({ line, ...rest }: Props & { line: Gathered }) {
  if (line.what !== "finding" || line.all.length === 1) return <Words entry={line} {...rest} />;
  return (
    <details>
      <summary>{t("incidents.findings", { who: about(line), n: line.all.length })}</summary>
      <ul>
        {line.all.map((e) => (
          <li key={`${e.at_ms} ${e.text}`}>
            <time>{clock(e.at_ms)}</time> <Words entry={e} {...rest} />
          </li>
        ))}
      </ul>
    </details>
  );
}

export function Timeline({ incident, related }: Props) {
  return (
    <section class="panel">
      <header>
        <h2>{t("incidents.timeline")}</h2>
      </header>
      <ol class="timeline">
        {gathered(incident.timeline ?? []).map((e) => (
          <li key={`${e.at_ms} ${e.what} ${e.text}`} class={`when-${e.what}`}>
            <time>{clock(e.at_ms)}</time>
            <div>
              <Line line={e} incident={incident} related={related} />
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
