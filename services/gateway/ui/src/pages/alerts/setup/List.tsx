// Lists whose order means something: people who take turns, steps, branches of a tree. An entry is added, moved up and removed by buttons;
// it keeps its place on the screen, open or folded, while others come and go.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { t } from "../../../i18n";
import { Fields } from "./Form";
import type { Body, Entry, Offer } from "./kinds";

let serial = 0;

interface Props<T> {
  label: string;
  value: unknown;
  set: (value: T[]) => void;
  fresh: () => T;
  draw: (item: T, set: (item: T) => void, n: number, moves: ComponentChildren) => ComponentChildren;
}

function Ordered<T>({ label, value, set, fresh, draw }: Props<T>) {
  const items: T[] = Array.isArray(value) ? value : [];
  const keys = useRef<number[]>([]);
  /** The entry that was added last: it opens and takes the focus. */
  const made = useRef(0);
  const add = useRef<HTMLButtonElement>(null);
  while (keys.current.length < items.length) keys.current.push(++serial);
  keys.current.length = items.length;
  const moved = (by: <X>(list: X[], fresh: () => X) => void): void => {
    const next = [...items];
    by(next, fresh);
    by(keys.current, () => (made.current = ++serial));
    set(next);
  };
  return (
    <fieldset class="ordered wide" aria-label={label}>
      {items.length > 0 && <legend aria-hidden="true">{label}</legend>}
      <ol>
        {items.map((item, i) => {
          const key = keys.current[i];
          const of = `${label} ${i + 1}`;
          const moves = (
            <span class="moves">
              {i > 0 && (
                <button
                  type="button"
                  class="btn plain"
                  aria-label={t("alerts.up", { of })}
                  onClick={() => moved((list) => list.splice(i - 1, 0, ...list.splice(i, 1)))}
                >
                  ↑
                </button>
              )}
              <button
                type="button"
                class="btn plain"
                aria-label={t("alerts.remove", { of })}
                onClick={() => {
                  moved((list) => list.splice(i, 1));
                  add.current?.focus();
                }}
              >
                ×
              </button>
            </span>
          );
          return (
            <li
              key={key}
              ref={(row) => {
                if (!row || key !== made.current) return;
                made.current = 0;
                row.querySelector("details")?.setAttribute("open", "");
                row.querySelector<HTMLElement>("input,textarea")?.focus();
              }}
            >
              {draw(item, (x) => set(items.map((old, k) => (k === i ? x : old))), i, moves)}
            </li>
          );
        })}
      </ol>
      <button ref={add} type="button" class="btn" onClick={() => moved((list, one) => list.push(one()))}>
        + {label}
      </button>
    </fieldset>
  );
}

/** Names in an order, an input each. */
export function Texts({
  label,
  offer,
  value,
  set,
}: {
  label: string;
  offer: Offer | undefined;
  value: unknown;
  set: (v: string[]) => void;
}) {
  return (
    <Ordered<string>
      label={label}
      value={value}
      set={set}
      fresh={() => ""}
      draw={(item, put, n, moves) => (
        <>
          <input
            class="field"
            aria-label={`${label} ${n + 1}`}
            list={offer && `known-${offer}`}
            value={item}
            onInput={(e) => put(e.currentTarget.value)}
          />
          {moves}
        </>
      )}
    />
  );
}

/** Objects in an order: a line each that unfolds into a form; branches of a branch stand below it, indented, also while it is folded. */
export function List({
  label,
  of,
  value,
  set,
}: {
  label: string;
  of: Entry;
  value: unknown;
  set: (v: Body[]) => void;
}) {
  const own = of.fields.filter((f) => f.of !== of);
  const below = of.fields.find((f) => f.of === of);
  return (
    <Ordered<Body>
      label={label}
      value={value}
      set={set}
      fresh={of.fresh}
      draw={(item, put, _, moves) => (
        <>
          <details>
            <summary>{of.line(item)}</summary>
            <Fields fields={own} body={item} change={put} />
          </details>
          {moves}
          {below && (
            <List
              label={label}
              of={of}
              value={item[below.name]}
              set={(v) => {
                const { [below.name]: _, ...rest } = item;
                put(v.length ? { ...rest, [below.name]: v } : rest);
              }}
            />
          )}
        </>
      )}
    />
  );
}
