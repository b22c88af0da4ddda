// The draft with its history, the keys of undo, and the guard against closing the window on unsaved work.
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Dashboard } from "../model";
import { begin, type History, present, push, redo, undo } from "./history";

export interface Draft {
  history: Signal<History<Dashboard>>;
  draft: Dashboard;
  dirty: boolean;
  change: (next: Dashboard, key?: string) => void;
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;

export function useDraft(opened: Dashboard): Draft {
  const history = useSignal(begin(opened));
  useEffect(() => {
    const onKey = (e: KeyboardEvent): void => {
      if (!(e.ctrlKey || e.metaKey) || e.key.toLowerCase() !== "z" || typing(e.target)) return;
      e.preventDefault();
      history.value = e.shiftKey ? redo(history.value) : undo(history.value);
    };
    const onLeave = (e: BeforeUnloadEvent): void => {
      if (present(history.value) !== opened) e.preventDefault();
    };
    addEventListener("keydown", onKey);
    addEventListener("beforeunload", onLeave);
    return () => {
      removeEventListener("keydown", onKey);
      removeEventListener("beforeunload", onLeave);
    };
  }, [history, opened]);
  const draft = present(history.value);
  const change = (next: Dashboard, key = ""): void => {
    history.value = push(history.value, next, key);
  };
  return { history, draft, dirty: draft !== opened, change };
}
