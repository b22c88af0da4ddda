// Who is on call: now, and in this week and the next as a calendar in the person's own time; holes are shown as holes.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post } from "../../../api/http";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { Ready, why } from "../../../parts/Notes";
import { useResource } from "../../../state/resource";
import { dayClock, weekday } from "../../../time/format";
import { saves } from "./Known";
import type { Body } from "./kinds";
import { Objects, useObjects } from "./Objects";

interface Shift {
  from_ms: number;
  to_ms: number;
  person: string;
}

interface Turns {
  title: string;
  time_zone: string;
  shifts: Shift[];
}

interface Duty {
  schedules: (Turns & { id: string })[];
}

const week = 7;
const days = 2 * week;
/** Washes that tell neighbours apart; the name is written on each. */
const washes = 4;

/** A person keeps one wash within a schedule. */
export function washOf(person: string, people: readonly string[]): number {
  return people.indexOf(person) % washes;
}

/** Midnight some days after a moment's day, by the browser's clock: a day is 23 to 25 hours long. */
export function midnight(ms: number, later = 0): number {
  const d = new Date(ms);
  return new Date(d.getFullYear(), d.getMonth(), d.getDate() + later).getTime();
}

/** The parts of shifts that lie in [from, to). */
export function within(shifts: readonly Shift[], from: number, to: number): Shift[] {
  return shifts
    .map((s) => ({ ...s, from_ms: Math.max(s.from_ms, from), to_ms: Math.min(s.to_ms, to) }))
    .filter((s) => s.from_ms < s.to_ms);
}

const who = (s: Shift): string => s.person || t("alerts.nobody");
const time = (s: Shift): string => `${dayClock(s.from_ms)} – ${dayClock(s.to_ms)}`;

function Weeks({ turns: s, name, today }: { turns: Turns; name: string; today: number }) {
  const now = Date.now();
  const people = [...new Set(s.shifts.map((x) => x.person).filter(Boolean))];
  const present = within(s.shifts, now, now + 1)[0]?.person;
  return (
    <div class="duty">
      <p>
        <b>{s.title || name}</b> <span class="soft">{s.time_zone}</span>
        <span class="pad-side">
          <Mark state={present ? "ok" : "odd"} /> {present ? t("alerts.on_call", { who: present }) : t("alerts.nobody")}
        </span>
      </p>
      {[0, week].map((first) => {
        const [from, to] = [midnight(today, first), midnight(today, first + week)];
        return (
          <div key={first} class="weeks">
            <ol class="week days" aria-hidden="true">
              {Array.from({ length: week }, (_, i) => (
                // a narrow column may break before Japan's bracket, as it may at the blank elsewhere
                <li key={i}>{weekday(midnight(today, first + i)).replace("(", "\u200b(")}</li>
              ))}
            </ol>
            <ol class="week" aria-label={t(first ? "alerts.week_next" : "alerts.week", { name: s.title || name })}>
              {within(s.shifts, from, to).map((x) => (
                <li
                  key={x.from_ms}
                  class={x.person ? `shift wash-${washOf(x.person, people)}` : "shift hole"}
                  style={{ flexGrow: (x.to_ms - x.from_ms) / (to - from) }}
                  title={`${who(x)} ${time(x)}`}
                >
                  {who(x)}
                </li>
              ))}
            </ol>
            {first === 0 && <i class="at-now" style={{ left: `${((now - from) / (to - from)) * 100}%` }} />}
          </div>
        );
      })}
      <details>
        <summary>{t("alerts.turns")}</summary>
        <ul>
          {s.shifts.map((x) => (
            <li key={x.from_ms}>
              <b>{who(x)}</b> {time(x)}
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}

/** The turns of the schedule as it stands in the form; what stands in the way is said where it is. */
function Draft({ body, name }: { body: Body; name: string }) {
  const today = midnight(Date.now());
  const now = JSON.stringify(body);
  const asked = useSignal(now);
  // A moment after the last key: not every letter is a question
  useEffect(() => {
    const timer = setTimeout(() => (asked.value = now), 400);
    return () => clearTimeout(timer);
  }, [now]);
  const drawn = useResource<Turns>(`turns|${asked.value}`, () =>
    post<Turns>("/alerts/oncall/preview", { body: JSON.parse(asked.value), days, at_ms: today }),
  );
  return (
    <section class="replay" aria-label={t("alerts.draft")}>
      <h3>{t("alerts.draft")}</h3>
      {drawn.error && (
        <p>
          <Mark state="odd" /> {why(drawn.error)}
        </p>
      )}
      {drawn.data && !drawn.error && <Weeks turns={drawn.data} name={name} today={today} />}
    </section>
  );
}

export function OnCall() {
  const today = midnight(Date.now());
  const duty = useResource<Duty>(`oncall${saves.value}`, (abort) =>
    get("/alerts/oncall", { days, at_ms: today }, abort),
  );
  return (
    <>
      <section class="panel">
        <header>
          <h2>{t("alerts.duty")}</h2>
          <span class="soft">{t("alerts.in_zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</span>
        </header>
        <Ready of={duty}>
          {({ schedules }) =>
            schedules.length === 0 ? (
              <p class="pad soft">{t("alerts.n_schedule")}</p>
            ) : (
              <ul>
                {schedules.map((s) => (
                  <li key={s.id}>
                    <Weeks turns={s} name={s.id} today={today} />
                  </li>
                ))}
              </ul>
            )
          }
        </Ready>
      </section>
      <Objects
        kind="schedule"
        found={useObjects("schedule")}
        inside={(draft) => <Draft body={draft.body} name={draft.id} />}
      />
    </>
  );
}
