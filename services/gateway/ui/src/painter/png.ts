// PNG with a palette: a chart has few colours, and edges softened into some more. A quarter of the size of a true-colour file, which
// decides whether it fits into a message. After the PNG specification (W3C, third edition). Pure.
import { crc32, deflateSync } from "node:zlib";

/** Entries that a palette may have. */
const most = 256;
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function chunk(name: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** The commonest colours, and for every colour (red, green, blue as one number) the place of the nearest of them. */
function palette(pixels: Uint32Array): { colours: number[]; place: Map<number, number> } {
  const seen = new Map<number, number>();
  for (const p of pixels) seen.set(p, (seen.get(p) ?? 0) + 1);
  const byCount = [...seen].sort((a, b) => b[1] - a[1]).map(([colour]) => colour);
  const colours = byCount.slice(0, most);
  const place = new Map(colours.map((colour, i) => [colour, i]));
  for (const colour of byCount.slice(most)) {
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (const [i, other] of colours.entries()) {
      const [r, g, b] = [16, 8, 0].map((s) => ((colour >> s) & 255) - ((other >> s) & 255)) as [number, number, number];
      const far = 3 * r * r + 6 * g * g + b * b;
      if (far < least) [best, least] = [i, far];
    }
    place.set(colour, best);
  }
  return { colours, place };
}

/** An opaque picture, four bytes a pixel, as a file. */
export function indexedPng(rgba: Uint8ClampedArray, width: number, height: number): Uint8Array {
  const pixels = new Uint32Array(width * height);
  for (let i = 0, at = 0; i < pixels.length; i++, at += 4)
    pixels[i] = ((rgba[at] ?? 0) << 16) | ((rgba[at + 1] ?? 0) << 8) | (rgba[at + 2] ?? 0);
  const { colours, place } = palette(pixels);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0, at = y * (width + 1) + 1; x < width; x++, i++, at++) rows[at] = place.get(pixels[i] ?? 0) ?? 0;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const table = Buffer.from(colours.flatMap((c) => [(c >> 16) & 255, (c >> 8) & 255, c & 255]));
  const parts = [
    chunk("IHDR", head),
    chunk("PLTE", table),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat([signature, ...parts]);
}
