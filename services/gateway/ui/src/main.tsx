// The client starts here: theme and language first, then the shell.
import { render } from "preact";
import "../.fonts/core.css";
import "./design/tokens.css";
import "./design/shell.css";
import { App } from "./shell/App";
import { followLinks } from "./state/location";
import { applyPrefs } from "./state/prefs";

applyPrefs();
followLinks();
const root = document.getElementById("root");
if (root) render(<App />, root);
