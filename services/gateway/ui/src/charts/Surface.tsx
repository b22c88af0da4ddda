// The sheet that a picture is drawn on: it follows its own width, the theme and the data; mouse and finger move the crosshair, a drag zooms.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { join, pointAll } from "./crosshair";
import { Marks } from "./Marks";
import { type Frame, type Picture, paint } from "./paint";
import { nearest } from "./scale";
import { shown } from "./shown";
import "./chart.css";

interface Props {
  picture: Picture;
  height: number;
  sync: string;
  label: string;
  onCursor: (index: number | null) => void;
  onZoom?: ((fromMs: number, toMs: number) => void) | undefined;
  /** A click without a drag, or Enter: the person means this index. */
  onPick?: ((index: number) => void) | undefined;
  onKey?: ((event: KeyboardEvent, at: number) => number | null) | undefined;
}

/** A drag shorter than this, in pixels, was a click. */
const leastDrag = 4;

class Sheet {
  frame: Frame | null = null;
  /** Index under the crosshair; -1 for none. */
  at = -1;
  private from: number | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly over: HTMLElement,
    private readonly props: { current: Props },
  ) {}

  draw(): void {
    const { picture, height } = this.props.current;
    const width = this.canvas.parentElement?.clientWidth || 600;
    const ratio = devicePixelRatio || 1;
    const pen = this.canvas.getContext("2d");
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    if (!pen) return;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const f = paint(pen, picture, width, height);
    this.frame = f;
    Object.assign(this.over.style, {
      left: `${f.left}px`,
      top: `${f.top}px`,
      width: `${f.width}px`,
      height: `${f.height}px`,
    });
    if (this.at >= 0) this.mark(picture.ts[this.at] ?? null);
  }

  /** Puts the crosshair at a moment; null takes it away. */
  readonly pointAt = (ms: number | null): void => {
    const { picture, onCursor } = this.props.current;
    const at = ms === null ? -1 : nearest(picture.ts, ms);
    this.mark(at < 0 ? null : (picture.ts[at] ?? null));
    if (at === this.at) return;
    this.at = at;
    onCursor(at < 0 ? null : at);
  };

  private mark(ms: number | null): void {
    const [cross, , ...dots] = this.over.children as unknown as HTMLElement[];
    const f = this.frame;
    const x = f && ms !== null ? f.x(ms) - f.left : -1;
    const away = !f || x < 0 || x > f.width;
    if (cross) cross.style.transform = away ? "translateX(-9999px)" : `translateX(${x}px)`;
    this.props.current.picture.curves.forEach((c, i) => {
      const [dot, v] = [dots[i], c.values[this.at]];
      if (!dot) return;
      dot.style.transform = away || v == null || !f ? "translate(-9999px)" : `translate(${x}px,${f.y(v) - f.top}px)`;
    });
  }

  private place(event: PointerEvent): number {
    return event.clientX - this.over.getBoundingClientRect().left;
  }

  readonly move = (event: PointerEvent): void => {
    const f = this.frame;
    if (!f) return;
    const x = this.place(event);
    pointAll(this.props.current.sync, f.timeAt(x + f.left));
    if (this.from !== null) this.select(this.from, Math.min(Math.max(x, 0), f.width));
  };

  private select(a: number, b: number): void {
    const box = this.over.children[1] as HTMLElement;
    Object.assign(box.style, { left: `${Math.min(a, b)}px`, width: `${Math.abs(b - a)}px` });
  }

  readonly down = (event: PointerEvent): void => {
    if (event.button !== 0 || !this.props.current.onZoom) return;
    this.from = this.place(event);
    this.over.setPointerCapture(event.pointerId);
  };

  readonly up = (event: PointerEvent): void => {
    const [f, from] = [this.frame, this.from];
    this.from = null;
    this.select(0, 0);
    if (!f || from === null) return;
    const to = Math.min(Math.max(this.place(event), 0), f.width);
    const [a, b] = [Math.min(from, to), Math.max(from, to)];
    if (b - a > leastDrag) this.props.current.onZoom?.(f.timeAt(a + f.left), f.timeAt(b + f.left));
    else if (this.at >= 0) this.props.current.onPick?.(this.at);
  };

  readonly leave = (): void => pointAll(this.props.current.sync, null);

  readonly key = (event: KeyboardEvent): void => {
    const { picture, onKey, onPick, sync } = this.props.current;
    if (event.key === "Enter" && event.target !== event.currentTarget) return;
    if (event.key === "Enter" && this.at >= 0) onPick?.(this.at);
    const to = onKey?.(event, this.at < 0 ? picture.ts.length - 1 : this.at);
    if (to === undefined || to === null) return;
    event.preventDefault();
    pointAll(sync, to < 0 ? null : (picture.ts[to] ?? null));
  };
}

export function Surface(props: Props) {
  const { picture, height, label } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLDivElement>(null);
  const now = useRef(props);
  now.current = props;
  const sheet = useRef<Sheet | null>(null);
  useLayoutEffect(() => {
    if (!canvas.current || !over.current) return;
    const made = new Sheet(canvas.current, over.current, now);
    const { clientWidth } = canvas.current;
    shown.set(canvas.current, () => ({
      picture: now.current.picture,
      width: canvas.current?.clientWidth || clientWidth,
      height: now.current.height,
    }));
    sheet.current = made;
    let width = 0;
    const sizes = new ResizeObserver(([entry]) => {
      // The first call tells the width that the first drawing already had.
      if (width && entry && entry.contentRect.width !== width) made.draw();
      width = entry?.contentRect.width ?? 0;
    });
    if (canvas.current.parentElement) sizes.observe(canvas.current.parentElement);
    const leave = join(now.current.sync, made);
    return () => {
      sizes.disconnect();
      leave();
      sheet.current = null;
    };
  }, [props.sync]);
  useEffect(() => sheet.current?.draw(), [picture, height]);
  return (
    <div
      class="chart-box"
      style={{ height: `${height}px` }}
      role="group"
      tabIndex={props.onKey ? 0 : undefined}
      aria-label={label}
      onKeyDown={(e) => sheet.current?.key(e)}
    >
      <canvas ref={canvas} style={{ height: `${height}px` }} />
      <div
        ref={over}
        class="over"
        onPointerMove={(e) => sheet.current?.move(e)}
        onPointerDown={(e) => sheet.current?.down(e)}
        onPointerUp={(e) => sheet.current?.up(e)}
        onPointerLeave={() => sheet.current?.leave()}
      >
        <i class="cross" />
        <i class="selected" />
        {picture.curves.map((c, i) => (
          <i key={i} class="dot" style={{ background: c.stroke }} />
        ))}
        <Marks picture={picture} />
      </div>
    </div>
  );
}
