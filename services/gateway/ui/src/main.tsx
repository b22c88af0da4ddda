// The client starts here: theme and language first, then the shell.
import { render } from "preact";
import "../.fonts/core.css";
import "./design/tokens.css";
import "./design/shell.css";
import { App } from "./shell/App";
import { followLinks, go } from "./state/location";
import { applyPrefs, stored } from "./state/prefs";

applyPrefs();
followLinks();
// Who chose a home dashboard starts there; the overview stays one click away.
const home = stored("home");
if (home && location.pathname === "/" && !location.search) go(`/dashboards/${home}`, true);
const root = document.getElementById("root");
if (root) render(<App />, root);
