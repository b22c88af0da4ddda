// A panel as a file: time series are drawn anew with another pen, other canvases and drawings are copied, tables and lists become rows.
import { type Picture, paint } from "../charts/paint";
import { type Shown, shown } from "../charts/shown";
import { save } from "../parts/save";
import { escaped, SvgPen } from "./SvgPen";

export type Format = "svg" | "png" | "csv";

/** Height of the title above a picture, pixels. */
const headPx = 26;
/** Pictures are twice as fine as the screen, so that they can be printed. */
const finer = 2;

const quoted = (cell: string): string => {
  // A text that a spreadsheet would run as a formula is kept a text.
  const safe = /^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
  return /[",\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};

export function csvOfPicture(p: Picture): string {
  const rows = p.ts.map((ms, i) => [new Date(ms).toISOString(), ...p.table.map((c) => `${c.values[i] ?? ""}`)]);
  return [["time", ...p.table.map((c) => c.name)], ...rows].map((r) => r.map(quoted).join(",")).join("\n");
}

/** Rows of a table, or the parts of each entry of a list. */
export function csvOfText(panel: Element): string {
  const cells = (row: Element): string[] =>
    [...row.children].map((c) => (c.textContent ?? "").replace(/\s+/g, " ").trim()).filter(Boolean);
  const rows = panel.querySelectorAll("tr").length ? panel.querySelectorAll("tr") : panel.querySelectorAll("li");
  const found = [...rows].map(cells).filter((r) => r.length);
  const all = found.length ? found : [[(panel.textContent ?? "").replace(/\s+/g, " ").trim()]];
  return all.map((r) => r.map(quoted).join(",")).join("\n");
}

export function svgOfPicture({ picture, width, height }: Shown, title: string, ground: string): string {
  const pen = new SvgPen();
  pen.fillStyle = picture.ink.ink;
  pen.fillText(title, 10, headPx / 2);
  // The pen has no transform: the picture is drawn in a group of its own below the title.
  const inner = new SvgPen();
  paint(inner, { ...picture, titled: true }, width, height);
  const drawn = inner.file(width, height, title, "none").replace("<svg ", `<svg y="${headPx}" `);
  return pen.file(width, height + headPx, title, ground).replace(/<\/svg>$/, `${drawn}</svg>`);
}

/** Properties that a drawing has from the style sheet and needs in a file. */
const styled = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "opacity",
  "font-size",
  "font-weight",
];

function svgOfDrawing(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const [from, to] = [
    [svg, ...svg.querySelectorAll("*")],
    [copy, ...copy.querySelectorAll("*")],
  ];
  from.forEach((one, i) => {
    const style = getComputedStyle(one);
    for (const name of styled) to[i]?.setAttribute(name, style.getPropertyValue(name));
  });
  const box = svg.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", `${box.width}`);
  copy.setAttribute("height", `${box.height}`);
  copy.setAttribute("font-family", "sans-serif");
  return new XMLSerializer().serializeToString(copy);
}

function svgOfCanvas(canvas: HTMLCanvasElement, title: string): string {
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}"><title>${escaped(title)}</title><image width="${w}" height="${h}" href="${canvas.toDataURL()}"/></svg>`;
}

/** The panel as SVG; null when there is nothing drawn in it. */
export function svgOf(panel: Element, title: string): string | null {
  const canvas = panel.querySelector("canvas");
  const ground = getComputedStyle(panel).backgroundColor;
  const known = canvas && shown.get(canvas)?.();
  if (known) return svgOfPicture(known, title, ground);
  if (canvas) return svgOfCanvas(canvas, title);
  const drawing = [...panel.querySelectorAll("svg")].find((s) => s.getBoundingClientRect().width > 40);
  return drawing ? svgOfDrawing(drawing) : null;
}

export function csvOf(panel: Element): string {
  const canvas = panel.querySelector("canvas");
  const known = canvas && shown.get(canvas)?.();
  return known ? csvOfPicture(known.picture) : csvOfText(panel.querySelector(".cell-body") ?? panel);
}

/** An SVG as PNG, through the browser's own reader. */
async function pngOf(svg: string, ground: string): Promise<Blob | null> {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width * finer, picture.height * finer];
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done));
}

/** Gives the panel to the person as a file; false when it has no picture. */
export async function take(panel: Element, title: string, format: Format): Promise<boolean> {
  const name = `${title.replace(/[^\p{L}\p{N}.=-]+/gu, "_").slice(0, 80) || "chart"}.${format}`;
  if (format === "csv") {
    save(new Blob([csvOf(panel)], { type: "text/csv" }), name);
    return true;
  }
  const svg = svgOf(panel, title);
  if (!svg) return false;
  const ground = getComputedStyle(panel).backgroundColor;
  const blob = format === "svg" ? new Blob([svg], { type: "image/svg+xml" }) : await pngOf(svg, ground);
  if (blob) save(blob, name);
  return blob !== null;
}
