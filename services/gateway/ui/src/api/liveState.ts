// How the live line stands; apart from the line itself, which is loaded after the first paint.
import { signal } from "@preact/signals";

export type LiveState = "idle" | "connecting" | "live" | "down";
export const liveState = signal<LiveState>("idle");
