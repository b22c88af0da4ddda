// Keys: `/` or Ctrl-K opens the palette, `g` and a letter goes to a page, `?` lists them (in the palette).
import { go, linkTo } from "../state/location";
import { places } from "./places";

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** How long after `g` the letter may come. */
const chordMs = 1200;

export function listen(openPalette: () => void): () => void {
  let chordUntil = 0;
  const onKey = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.timeStamp < chordUntil) {
      chordUntil = 0;
      const found = places.find((p) => p.key === event.key);
      if (found) {
        event.preventDefault();
        go(linkTo(found.path));
      }
    } else if (event.key === "g") chordUntil = event.timeStamp + chordMs;
    else if (event.key === "/" || event.key === "?") {
      event.preventDefault();
      openPalette();
    }
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
