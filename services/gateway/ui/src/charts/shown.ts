// Which picture a canvas shows now: whoever takes a chart away draws the same picture with another pen.
import type { Picture } from "./paint";

export interface Shown {
  picture: Picture;
  width: number;
  height: number;
}

export const shown = new WeakMap<Element, () => Shown>();
