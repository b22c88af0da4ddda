// The grid while it is edited. Mouse: drag the title to move, the corner to resize. Keys on a panel: arrows move, Shift and arrows
// resize, Delete removes, Enter sets up; what happened is said aloud.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { t } from "../../../i18n";
import type { Range } from "../../../time/range";
import { Frame, gapPx, rowPx } from "../Frame";
import { move, nudge, resize } from "../grid";
import { columns, type Dashboard, filled, type Panel } from "../model";

interface Props {
  dashboard: Dashboard;
  range: Range & { key: string };
  chosen: string;
  choose: (id: string) => void;
  change: (panels: Panel[], key: string) => void;
  drop: (id: string) => void;
}

interface Drag {
  panel: Panel;
  panels: Panel[];
  sizing: boolean;
  x: number;
  y: number;
  key: string;
}

const arrows: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function Grid({ dashboard, range, chosen, choose, change, drop }: Props) {
  const board = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag | null>(null);
  const said = useSignal("");
  const values = Object.fromEntries(dashboard.variables.map((v) => [v.name, v.value]));
  const say = (panels: readonly Panel[], id: string): void => {
    const p = panels.find((x) => x.id === id);
    if (p) said.value = t("editing.now_at", { title: p.title, x: p.x + 1, y: p.y + 1, w: p.w, h: p.h });
  };
  const put = (panels: Panel[], id: string, key: string): void => {
    change(panels, key);
    say(panels, id);
  };
  const onKey = (e: KeyboardEvent, p: Panel): void => {
    if (e.target !== e.currentTarget) return;
    const arrow = arrows[e.key];
    if (arrow && e.shiftKey) put(resize(dashboard.panels, p.id, p.w + arrow[0], p.h + arrow[1]), p.id, `size ${p.id}`);
    else if (arrow) put(nudge(dashboard.panels, p.id, arrow[0], arrow[1]), p.id, `move ${p.id}`);
    else if (e.key === "Delete") drop(p.id);
    else if (e.key === "Enter") choose(p.id);
    else return;
    e.preventDefault();
  };
  const start = (e: PointerEvent, p: Panel, sizing: boolean): void => {
    if (e.button !== 0 || (e.target as Element).closest("button")) return;
    (e.currentTarget as Element).setPointerCapture(e.pointerId);
    drag.current = {
      panel: p,
      panels: dashboard.panels,
      sizing,
      x: e.clientX,
      y: e.clientY,
      key: `drag ${p.id} ${e.timeStamp}`,
    };
  };
  const onMove = (e: PointerEvent): void => {
    const d = drag.current;
    const width = board.current?.clientWidth;
    if (!d || !width) return;
    const dx = Math.round((e.clientX - d.x) / ((width + gapPx) / columns));
    const dy = Math.round((e.clientY - d.y) / (rowPx + gapPx));
    // Always from where the drag began, so that panels pushed aside come back.
    const next = d.sizing
      ? resize(d.panels, d.panel.id, d.panel.w + dx, d.panel.h + dy)
      : move(d.panels, d.panel.id, d.panel.x + dx, d.panel.y + dy);
    put(next, d.panel.id, d.key);
  };
  const end = (): void => {
    drag.current = null;
  };
  return (
    <>
      <output class="only-read">{said.value}</output>
      <div ref={board} class="board board-edit">
        {dashboard.panels.map((p) => (
          <div
            key={p.id}
            class={`edit-cell${chosen === p.id ? " edit-chosen" : ""}`}
            role="group"
            tabIndex={0}
            aria-label={t("editing.panel_at", { title: p.title, x: p.x + 1, y: p.y + 1, w: p.w, h: p.h })}
            style={{ gridColumn: `${p.x + 1} / span ${p.w}`, gridRow: `${p.y + 1} / span ${p.h}` }}
            onKeyDown={(e) => onKey(e, p)}
          >
            <div
              class="edit-drag"
              onPointerDown={(e) => start(e, p, false)}
              onPointerMove={onMove}
              onPointerUp={end}
              onPointerCancel={end}
            >
              <Frame
                panel={{ ...p, x: 0, y: 0 }}
                query={filled(p.query, values)}
                range={range}
                tools={
                  <span class="edit-tools">
                    <button type="button" class="btn plain" onClick={() => choose(p.id)}>
                      {t("editing.set_up")}
                    </button>
                    <button
                      type="button"
                      class="btn plain"
                      aria-label={t("editing.remove", { title: p.title })}
                      onClick={() => drop(p.id)}
                    >
                      ×
                    </button>
                  </span>
                }
              />
            </div>
            <span
              class="edit-corner"
              aria-hidden="true"
              onPointerDown={(e) => start(e, p, true)}
              onPointerMove={onMove}
              onPointerUp={end}
              onPointerCancel={end}
            />
          </div>
        ))}
      </div>
    </>
  );
}
