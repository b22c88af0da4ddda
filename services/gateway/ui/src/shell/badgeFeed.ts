// Keeps the numbers in the navigation and in the title, and says aloud when an alert begins to fire.
import { get } from "../api/http";
import { live } from "../api/live";
import type { Alert, Overview, Page } from "../api/types";
import { count, openEpisodes } from "./badge";
import { showToast } from "./Toasts";

/** An alert that calls somebody: firing, and nothing holds it back. */
export const calls = (a: Alert): boolean => a.state === "firing" && !a.held_back_by;

/** The newest version of each alert; whether this one just began to call. */
export class Firing {
  private readonly newest = new Map<string, Alert>();

  take(a: Alert): boolean {
    const old = this.newest.get(a.id);
    if (old && old.version >= a.version) return false;
    this.newest.set(a.id, a);
    if (a.state === "resolved") this.newest.delete(a.id);
    return calls(a) && !(old && calls(old));
  }

  get size(): number {
    return [...this.newest.values()].filter(calls).length;
  }
}

function feedAlerts(): () => void {
  const firing = new Firing();
  // What fires already is counted in silence: only what begins now is said.
  get<Page<Alert>>("/alerts", { state: "firing", limit: 500 }).then(
    (page) => {
      for (const a of page.items) firing.take(a);
      count("alerts", firing.size);
    },
    () => {
      /* the live line tells what comes; the page itself says what failed */
    },
  );
  return live.want({
    topic: "alerts",
    onFinding: (item) => {
      if (firing.take(item as Alert)) showToast(item as Alert);
      count("alerts", firing.size);
    },
  });
}

export function feedBadge(): () => void {
  const stops = [live.want({ topic: "overview", onFinding: (item) => openEpisodes(item as Overview) }), feedAlerts()];
  return () => {
    for (const stop of stops) stop();
  };
}
