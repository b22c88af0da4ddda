// A pen that writes SVG: it has the verbs of a canvas that `paint` uses, so that a chart and its file are drawn by the same code.
import type { Pen } from "../charts/paint";

const short = (v: number): string => `${Math.round(v * 100) / 100}`;
export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);

/** A colour as attributes: drawing programs do not know the eight-digit form. */
function paintOf(name: "fill" | "stroke", colour: unknown): string {
  const eight = /^#([0-9a-f]{6})([0-9a-f]{2})$/i.exec(`${colour}`);
  if (!eight) return `${name}="${escaped(`${colour}`)}"`;
  return `${name}="#${eight[1]}" ${name}-opacity="${short(Number.parseInt(eight[2] ?? "ff", 16) / 255)}"`;
}

export class SvgPen implements Pen {
  strokeStyle: unknown = "#000";
  fillStyle: unknown = "#000";
  lineWidth = 1;
  font = "";
  textAlign = "left";
  textBaseline = "middle";
  lineJoin = "round";
  private out: string[] = [];
  private path = "";
  private dash: readonly number[] = [];
  private clips = 0;
  /** Groups opened since each save. */
  private open: number[] = [];

  constructor(protected fontPx = 11) {}

  beginPath(): void {
    this.path = "";
  }
  moveTo(x: number, y: number): void {
    this.path += `M${short(x)} ${short(y)}`;
  }
  lineTo(x: number, y: number): void {
    this.path += `L${short(x)} ${short(y)}`;
  }
  closePath(): void {
    this.path += "Z";
  }
  rect(x: number, y: number, w: number, h: number): void {
    this.path += `M${short(x)} ${short(y)}h${short(w)}v${short(h)}h${short(-w)}Z`;
  }
  /** Whole circles only: `paint` draws nothing else. */
  arc(x: number, y: number, r: number): void {
    this.path += `M${short(x + r)} ${short(y)}a${r} ${r} 0 1 0 ${-2 * r} 0a${r} ${r} 0 1 0 ${2 * r} 0Z`;
  }
  setLineDash(dash: Iterable<number>): void {
    this.dash = [...dash];
  }
  stroke(): void {
    if (!this.path) return;
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    this.out.push(
      `<path d="${this.path}" fill="none" ${paintOf("stroke", this.strokeStyle)} stroke-width="${this.lineWidth}" stroke-linejoin="round"${dash}/>`,
    );
  }
  fill(): void {
    if (this.path) this.out.push(`<path d="${this.path}" ${paintOf("fill", this.fillStyle)}/>`);
  }
  fillRect(x: number, y: number, w: number, h: number): void {
    this.out.push(
      `<rect x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}" ${paintOf("fill", this.fillStyle)}/>`,
    );
  }
  fillText(text: string, x: number, y: number): void {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign] ?? "start";
    this.out.push(
      `<text x="${short(x)}" y="${short(y)}" ${paintOf("fill", this.fillStyle)} font-size="${this.fontPx}" text-anchor="${anchor}" dominant-baseline="central">${escaped(text)}</text>`,
    );
  }
  clip(): void {
    const id = `c${++this.clips}`;
    this.out.push(`<clipPath id="${id}"><path d="${this.path}"/></clipPath><g clip-path="url(#${id})">`);
    const last = this.open.length - 1;
    if (last >= 0) this.open[last] = (this.open[last] ?? 0) + 1;
  }
  save(): void {
    this.open.push(0);
  }
  restore(): void {
    this.out.push("</g>".repeat(this.open.pop() ?? 0));
  }

  /** The file: a title, a ground, and what was drawn. */
  file(width: number, height: number, title: string, ground: string): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif">`,
      `<title>${escaped(title)}</title><rect width="${width}" height="${height}" ${paintOf("fill", ground)}/>`,
      ...this.out,
      "</svg>",
    ].join("");
  }
}
