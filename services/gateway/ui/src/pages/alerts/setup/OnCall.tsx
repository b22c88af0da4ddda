// Who is on call: now, and in the coming week as a calendar, a row a schedule; holes are shown as holes.
import { get } from "../../../api/http";
import { t } from "../../../i18n";
import { Mark } from "../../../parts/Mark";
import { Ready } from "../../../parts/Notes";
import { useResource } from "../../../state/resource";
import { dayClock, weekday } from "../../../time/format";
import { Objects, useObjects } from "./Objects";

interface Shift {
  from_ms: number;
  to_ms: number;
  person: string;
}

interface Duty {
  schedules: { id: string; title: string; time_zone: string; now: string; shifts: Shift[] }[];
}

const days = 7;
const dayMs = 864e5;
/** Washes that tell neighbours apart; the name is written on each. */
const washes = 4;

/** A person keeps one wash within a schedule. */
export function washOf(person: string, people: readonly string[]): number {
  return people.indexOf(person) % washes;
}

function Week({ schedule: s, fromMs }: { schedule: Duty["schedules"][number]; fromMs: number }) {
  const toMs = fromMs + days * dayMs;
  const people = [...new Set(s.shifts.map((x) => x.person).filter(Boolean))];
  const at = (ms: number): number => (Math.min(Math.max(ms, fromMs), toMs) - fromMs) / (toMs - fromMs);
  return (
    <li class="duty">
      <p>
        <b>{s.title || s.id}</b> <span class="soft">{s.time_zone}</span>
        <span class="pad-side">
          <Mark state={s.now ? "ok" : "odd"} /> {s.now ? t("alerts.on_call", { who: s.now }) : t("alerts.nobody")}
        </span>
      </p>
      <ol class="week" aria-label={t("alerts.week", { name: s.title || s.id })}>
        {s.shifts.map((x) => (
          <li
            key={x.from_ms}
            class={x.person ? `shift wash-${washOf(x.person, people)}` : "shift hole"}
            style={{ flexGrow: at(x.to_ms) - at(x.from_ms) }}
            title={`${dayClock(x.from_ms)} – ${dayClock(x.to_ms)}`}
          >
            {x.person || t("alerts.nobody")}
            <span class="only-read">
              {dayClock(x.from_ms)} – {dayClock(x.to_ms)}
            </span>
          </li>
        ))}
      </ol>
    </li>
  );
}

export function OnCall() {
  const duty = useResource<Duty>("oncall", (abort) => get("/alerts/oncall", { days }, abort));
  const fromMs = Date.now();
  return (
    <>
      <section class="panel">
        <header>
          <h2>{t("alerts.duty")}</h2>
        </header>
        <Ready of={duty}>
          {({ schedules }) =>
            schedules.length === 0 ? (
              <p class="pad soft">{t("alerts.n_schedule")}</p>
            ) : (
              <>
                <ol class="week days" aria-hidden="true">
                  {Array.from({ length: days }, (_, i) => (
                    <li key={i}>{weekday(fromMs + i * dayMs)}</li>
                  ))}
                </ol>
                <ul>
                  {schedules.map((s) => (
                    <Week key={s.id} schedule={s} fromMs={fromMs} />
                  ))}
                </ul>
              </>
            )
          }
        </Ready>
      </section>
      <Objects kind="schedule" found={useObjects("schedule")} />
    </>
  );
}
