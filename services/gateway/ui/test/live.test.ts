import { afterEach, describe, expect, it } from "vitest";
import { backoffMs, Live } from "../src/api/live";
import { liveState } from "../src/api/liveState";

class FakeSocket {
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
    this.readyState = 3;
  }
  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  drops(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}

function house() {
  const sockets: FakeSocket[] = [];
  let timers: { ms: number; f: () => void }[] = [];
  const live = new Live({
    open: () => {
      const s = new FakeSocket();
      sockets.push(s);
      return s as unknown as WebSocket;
    },
    after: (ms, f) => {
      const timer = { ms, f };
      timers.push(timer);
      return () => {
        timers = timers.filter((x) => x !== timer);
      };
    },
    random: () => 1,
  });
  const fire = (ms: number): void => {
    const due = timers.filter((x) => x.ms === ms);
    timers = timers.filter((x) => x.ms !== ms);
    for (const timer of due) timer.f();
  };
  return { live, sockets, fire, waits: () => timers.map((x) => x.ms) };
}

const point = { id: "a", ts: [1], value: [2], score: [0], expected: [2], lower: [1], upper: [3], flags: [0] };

describe("the live line", () => {
  afterEach(() => {
    liveState.value = "idle";
  });

  it("opens one socket for many and subscribes each when it is open", () => {
    const { live, sockets } = house();
    live.want({ series: ["a"] });
    live.want({ topic: "episodes" });
    expect(sockets).toHaveLength(1);
    expect(liveState.value).toBe("connecting");
    sockets[0]?.opens();
    expect(sockets[0]?.sent).toEqual([
      { op: "sub", id: "s1", series: ["a"] },
      { op: "sub", id: "s2", topic: "episodes" },
    ]);
    expect(liveState.value).toBe("live");
  });

  it("hands each message to its subscriber only", () => {
    const { live, sockets } = house();
    const got: unknown[] = [];
    live.want({ series: ["a"], onPoints: (s) => got.push(s) });
    live.want({ topic: "episodes", onFinding: (item) => got.push(item) });
    sockets[0]?.opens();
    sockets[0]?.says({ op: "points", id: "s1", cursor: "c1", series: [point] });
    sockets[0]?.says({ op: "finding", id: "s2", topic: "episodes", item: { id: "e" } });
    sockets[0]?.says({ op: "hb", now_ms: 1 });
    sockets[0]?.says({ op: "points", id: "gone", cursor: "c", series: [] });
    expect(got).toEqual([[point], { id: "e" }]);
  });

  it("comes back after a loss and resumes at the last cursor", () => {
    const { live, sockets, fire } = house();
    live.want({ series: ["a"], onPoints: () => {} });
    sockets[0]?.opens();
    sockets[0]?.says({ op: "points", id: "s1", cursor: "c7", series: [point] });
    sockets[0]?.drops();
    expect(liveState.value).toBe("down");
    fire(500);
    sockets[1]?.opens();
    expect(sockets[1]?.sent).toEqual([{ op: "sub", id: "s1", series: ["a"], since: "c7" }]);
    expect(liveState.value).toBe("live");
  });

  it("lets those who ask anew begin anew after a loss", () => {
    const { live, sockets, fire } = house();
    let back = 0;
    live.want({ series: ["a"], onBack: () => back++ });
    sockets[0]?.opens();
    expect(back).toBe(0);
    sockets[0]?.says({ op: "points", id: "s1", cursor: "c7", series: [point] });
    sockets[0]?.drops();
    fire(500);
    sockets[1]?.opens();
    expect(back).toBe(1);
    expect(sockets[1]?.sent).toEqual([{ op: "sub", id: "s1", series: ["a"] }]);
  });

  it("waits longer each time, up to fifteen seconds", () => {
    const { live, sockets, fire, waits } = house();
    live.want({ topic: "stats" });
    for (const ms of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      sockets.at(-1)?.drops();
      expect(waits()).toEqual([ms]);
      fire(ms);
    }
    expect(backoffMs(3, 0)).toBe(2000);
  });

  it("takes silence for a dead line", () => {
    const { live, sockets, fire } = house();
    live.want({ topic: "stats" });
    sockets[0]?.opens();
    fire(35_000);
    expect(sockets[0]?.closed).toBe(true);
    expect(liveState.value).toBe("down");
  });

  it("unsubscribes, and closes when nobody is left", () => {
    const { live, sockets, waits } = house();
    const leave = live.want({ series: ["a"] });
    const last = live.want({ series: ["b"] });
    sockets[0]?.opens();
    leave();
    expect(sockets[0]?.sent.at(-1)).toEqual({ op: "unsub", id: "s1" });
    expect(sockets[0]?.closed).toBe(false);
    last();
    expect(sockets[0]?.closed).toBe(true);
    expect(waits()).toEqual([]);
    expect(liveState.value).toBe("idle");
  });

  it("ignores the close of a socket that was let go", () => {
    const { live, sockets } = house();
    live.want({ topic: "a" })();
    live.want({ topic: "b" });
    sockets[0]?.drops();
    sockets[1]?.opens();
    expect(liveState.value).toBe("live");
  });
});
