// One WebSocket for the whole client. Subscriptions are counted, survive a lost connection, and resume at the cursor where they stopped.
import { liveState } from "./liveState";
import type { LivePoints } from "./types";

type Message =
  | { op: "points"; id: string; cursor: string | number; series: LivePoints[] }
  | { op: "finding"; id: string; topic: string; item: unknown }
  | { op: "hb"; now_ms: number }
  | { op: "error"; id: string; detail: string };

export interface Want {
  series?: string[];
  topic?: string;
  since?: string | number;
  onPoints?: (series: LivePoints[]) => void;
  onFinding?: (item: unknown) => void;
  onError?: (detail: string) => void;
  /** Given by who asks anew when the line is back, instead of being told all that was missed. */
  onBack?: () => void;
}

/** What the socket needs from the outside; tests hand in their own. */
export interface Wires {
  open: () => WebSocket;
  after: (ms: number, f: () => void) => () => void;
  random: () => number;
}

/** The server's heartbeat comes each 15 s: two missed ones mean a dead line. */
const silenceMs = 35_000;

/** 0.5, 1, 2 … 15 s, each between half and whole of it, so that many clients do not come back at once. */
export function backoffMs(attempt: number, random: number): number {
  return Math.min(15_000, 500 * 2 ** attempt) * (0.5 + random / 2);
}

export class Live {
  private socket: WebSocket | null = null;
  private wants = new Map<string, Want>();
  private count = 0;
  private attempt = 0;
  private cancelSilence = (): void => {};
  private cancelRetry: (() => void) | null = null;

  constructor(private readonly wires: Wires) {}

  /** Subscribes; the answer ends it. The last one to leave closes the line. */
  want(want: Want): () => void {
    const id = `s${++this.count}`;
    this.wants.set(id, want);
    if (this.socket?.readyState === 1) this.subscribe(id, want);
    else this.connect();
    return () => {
      this.wants.delete(id);
      this.send({ op: "unsub", id });
      if (this.wants.size === 0) this.close();
    };
  }

  private send(message: object): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  private subscribe(id: string, want: Want): void {
    const { series, topic, since } = want;
    this.send({
      op: "sub",
      id,
      ...(series ? { series } : {}),
      ...(topic ? { topic } : {}),
      ...(since === undefined ? {} : { since }),
    });
  }

  private connect(): void {
    if (this.socket || this.cancelRetry) return;
    liveState.value = "connecting";
    const socket = this.wires.open();
    this.socket = socket;
    socket.onopen = () => {
      liveState.value = "live";
      this.attempt = 0;
      this.heard(socket);
      for (const [id, want] of this.wants) {
        if (want.onBack && want.since !== undefined) {
          delete want.since;
          want.onBack();
        }
        this.subscribe(id, want);
      }
    };
    socket.onmessage = (event) => {
      this.heard(socket);
      this.take(JSON.parse(event.data as string) as Message);
    };
    socket.onclose = () => this.lost(socket);
  }

  private heard(socket: WebSocket): void {
    this.cancelSilence();
    this.cancelSilence = this.wires.after(silenceMs, () => {
      socket.close();
      this.lost(socket);
    });
  }

  private take(message: Message): void {
    if (message.op === "hb") return;
    const want = this.wants.get(message.id);
    if (!want) return;
    if (message.op === "points") {
      want.since = message.cursor;
      want.onPoints?.(message.series);
    } else if (message.op === "finding") want.onFinding?.(message.item);
    else want.onError?.(message.detail);
  }

  private lost(socket: WebSocket): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.cancelSilence();
    if (this.wants.size === 0) return;
    liveState.value = "down";
    this.cancelRetry = this.wires.after(backoffMs(this.attempt++, this.wires.random()), () => {
      this.cancelRetry = null;
      if (this.wants.size) this.connect();
    });
  }

  private close(): void {
    const socket = this.socket;
    this.socket = null;
    this.cancelSilence();
    this.cancelRetry?.();
    this.cancelRetry = null;
    socket?.close();
    liveState.value = "idle";
  }
}

export const live = new Live({
  open: () => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/ws`),
  after: (ms, f) => {
    const timer = setTimeout(f, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
});
