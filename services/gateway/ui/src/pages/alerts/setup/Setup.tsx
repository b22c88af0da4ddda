// The parts of alerting's set-up, a view each.
import { many } from "../../../state/location";
import { Channels } from "./Channels";
import { Deliveries } from "./Deliveries";
import { Known } from "./Known";
import { kinds } from "./kinds";
import { Objects, useObjects } from "./Objects";
import { OnCall } from "./OnCall";
import { Rules } from "./Rules";
import { Silences } from "./Silences";
import { Told } from "./Told";

export function Plain({ kind }: { kind: string }) {
  return <Objects kind={kind} found={useObjects(kind)} />;
}

function Routes() {
  return <Objects kind="route" found={useObjects("route")} inside={(draft) => <Told tree={draft.body} />} />;
}

export default function Setup({ view }: { view: string }) {
  const match = many("match");
  const asked = match.length ? { ...kinds["silence"]?.fresh(), match } : null;
  if (view === "rules") return <Rules />;
  if (view === "silences")
    return (
      <div class="stack">
        <Silences start={asked} />
        <Plain kind="maintenance" />
        <Plain kind="inhibition" />
        <Known />
      </div>
    );
  if (view === "oncall")
    return (
      <div class="stack">
        <OnCall />
        <Plain kind="escalation" />
        <Known />
      </div>
    );
  if (view === "channels")
    return (
      <div class="stack">
        <Channels />
        <Routes />
        <Plain kind="budget" />
        <Known />
      </div>
    );
  return <Deliveries />;
}
