// The two files of a composed picture. Both go through the client's `paint`, with another pen.
import { type Pen, paint } from "../charts/paint";
import { dark, lang } from "../state/prefs";
import { SvgPen } from "../take/SvgPen";
import { formats } from "../time/format";
import type { Ask } from "./ask";
import { type Composed, compose, headPx, paintHead } from "./compose";
import { indexedPng } from "./png";

/** What is used of a canvas library. */
export interface Canvas {
  getContext(kind: "2d"): Pen & {
    scale(x: number, y: number): void;
    translate(x: number, y: number): void;
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
  };
}

/** Words, numbers and clock times are written as the request says. A process draws one picture at a time. */
function speak(a: Ask): void {
  lang.value = a.lang;
  dark.value = a.dark;
  if (process.env["TZ"] !== a.zone) {
    process.env["TZ"] = a.zone;
    formats.clear();
  }
}

function body(pen: Pen, c: Composed, width: number, height: number): void {
  paint(pen, c.picture, width, height);
  if (!c.empty) return;
  pen.textAlign = "center";
  pen.fillStyle = c.colours.ink.soft;
  pen.fillText(c.empty, width / 2, height / 2);
}

export function pngOf(a: Ask, make: (width: number, height: number) => Canvas): Uint8Array {
  speak(a);
  const c = compose(a);
  const [width, height] = [Math.round(a.width * a.scale), Math.round(a.height * a.scale)];
  const pen = make(width, height).getContext("2d");
  pen.scale(a.scale, a.scale);
  pen.fillStyle = c.colours.ground;
  pen.fillRect(0, 0, a.width, a.height);
  paintHead(pen, c, a.width);
  const top = headPx(c, a.width);
  pen.translate(0, top);
  body(pen, c, a.width, a.height - top);
  return indexedPng(pen.getImageData(0, 0, width, height).data, width, height);
}

/** The SVG pen writes one size a pen; the head has two. */
class HeadPen extends SvgPen {
  override fillText(text: string, x: number, y: number): void {
    this.fontPx = Number(/(\d+)px/.exec(this.font)?.[1] ?? 11);
    super.fillText(text, x, y);
  }
}

export function svgOf(a: Ask): string {
  speak(a);
  const c = compose(a);
  const top = headPx(c, a.width);
  const [head, inner] = [new HeadPen(), new SvgPen()];
  paintHead(head, c, a.width);
  body(inner, c, a.width, a.height - top);
  const drawn = inner.file(a.width, a.height - top, c.title, "none").replace("<svg ", `<svg y="${top}" `);
  return head.file(a.width, a.height, c.title, c.colours.ground).replace(/<\/svg>$/, `${drawn}</svg>`);
}
