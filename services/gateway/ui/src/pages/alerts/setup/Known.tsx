// Names that fields offer while one writes: people, channels, schedules, escalations, time zones. What is not offered may still be written.
import { signal } from "@preact/signals";
import { get, me } from "../../../api/http";
import type { ConfigItem } from "../../../api/types";
import { useResource } from "../../../state/resource";
import type { Body } from "./kinds";

/** Counts what was saved on this screen, so that a new name is offered at once. */
export const saves = signal(0);

type Found = { items: ConfigItem<Body>[] };

/** Everybody who takes turns, stands in or has an address in a channel, and whoever sits here. */
export function peopleOf(schedules: readonly Body[], channels: readonly Body[], self: string): string[] {
  const lists = (b: Body, name: string): Body[] => (Array.isArray(b[name]) ? (b[name] as Body[]) : []);
  const found = [
    ...schedules.flatMap((s) => lists(s, "rotations").flatMap((r) => (Array.isArray(r["people"]) ? r["people"] : []))),
    ...schedules.flatMap((s) => lists(s, "overrides").map((o) => o["person"])),
    ...channels.flatMap((c) => Object.keys(c["people"] ?? {})),
    self,
  ];
  return [...new Set(found.filter((x): x is string => typeof x === "string" && x !== ""))].sort();
}

export function Known() {
  const found = useResource(`known${saves.value}`, (abort) =>
    Promise.all(["channel", "schedule", "escalation"].map((kind) => get<Found>(`/config/${kind}`, {}, abort))),
  );
  const [channels, schedules, escalations] = (found.data ?? []).map((x) => x.items);
  const ids = (items?: Found["items"]): string[] => (items ?? []).map((i) => i.id);
  const bodies = (items?: Found["items"]): Body[] => (items ?? []).map((i) => i.body);
  const offers = {
    person: peopleOf(bodies(schedules), bodies(channels), me.value?.user ?? ""),
    channel: ["topic", ...ids(channels)],
    schedule: ids(schedules),
    escalation: ids(escalations),
    zone: ["UTC", ...Intl.supportedValuesOf("timeZone")],
  };
  return (
    <>
      {Object.entries(offers).map(([name, list]) => (
        <datalist key={name} id={`known-${name}`}>
          {list.map((x) => (
            <option key={x} value={x} />
          ))}
        </datalist>
      ))}
    </>
  );
}
