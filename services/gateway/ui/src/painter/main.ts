// The painter: reads requests as lines of JSON, writes answers as lines of JSON, ends with its input. The gateway keeps one.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createCanvas, GlobalFonts } from "@napi-rs/canvas";
import { askOf } from "./ask";
import { type Canvas, pngOf, svgOf } from "./draw";

// The whole Japanese fonts lie beside this file: a title in characters that the client itself never shows is still drawn.
for (const weight of [400, 600])
  GlobalFonts.register(readFileSync(new URL(`./sans-${weight}.woff2`, import.meta.url)), "Kizashi Sans");

const canvas = (width: number, height: number): Canvas => createCanvas(width, height) as unknown as Canvas;

function answer(line: string): object {
  let id: unknown = null;
  try {
    const value = JSON.parse(line) as { id?: unknown };
    id = value?.id ?? null;
    const ask = askOf(value);
    const bytes = ask.form === "png" ? Buffer.from(pngOf(ask, canvas)) : Buffer.from(svgOf(ask));
    return { id, data: bytes.toString("base64") };
  } catch (x) {
    return { id, error: x instanceof Error ? x.message : `${x}` };
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }))
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
