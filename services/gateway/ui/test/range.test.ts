import { describe, expect, it } from "vitest";
import { localInput, span } from "../src/time/format";
import { floorTo, parseTime, resolveRange, zoomRange } from "../src/time/range";

const now = Date.UTC(2026, 10, 25, 10, 30, 15);

describe("times", () => {
  it.each([
    ["now", now],
    ["now-6h", now - 6 * 36e5],
    ["now+15m", now + 9e5],
    ["now-2d", now - 2 * 864e5],
    ["now-1w", now - 7 * 864e5],
    ["now-90s/m", Math.floor((now - 9e4) / 6e4) * 6e4],
    ["1700000000", 1_700_000_000_000],
    ["1700000000123", 1_700_000_000_123],
    ["2026-11-25T10:30:15Z", now],
    ["2026-11-25T12:30:15+02:00", now],
    [" 2026-11-25 10:30:15Z ", now],
  ])("reads %s", (text, ms) => expect(parseTime(text, now)).toBe(ms));

  it.each(["", "yesterday", "now-", "now-6", "now-6y", "12", "2026-13-40", "-1h"])("refuses %j", (text) =>
    expect(parseTime(text, now)).toBeNull(),
  );

  it("floors to the local day and to the Monday of the week", () => {
    expect(new Date(floorTo(now, "d")).getHours()).toBe(0);
    expect(new Date(floorTo(now, "w")).getDay()).toBe(1);
    expect(floorTo(now, "h") % 36e5).toBe(0);
  });

  it("falls back, and never gives an empty range", () => {
    expect(resolveRange("", "", now, "now-1h")).toEqual({ fromMs: now - 36e5, toMs: now, live: true });
    expect(resolveRange("rubbish", "now", now, "now-1h").fromMs).toBe(now - 36e5);
    const reversed = resolveRange("now-1h", "now-2h", now);
    expect(reversed.fromMs).toBeLessThan(reversed.toMs);
    expect(reversed.live).toBe(false);
  });

  it("zooms around the middle down to ten seconds", () => {
    const range = { fromMs: 0, toMs: 100_000, live: true };
    expect(zoomRange(range, 0.5)).toEqual({ fromMs: 25_000, toMs: 75_000, live: false });
    const closest = zoomRange({ fromMs: 0, toMs: 1000, live: false }, 0.1);
    expect(closest.toMs - closest.fromMs).toBe(10_000);
  });

  it.each([
    [0, "0 ms"],
    [820, "820 ms"],
    [6000, "6 s"],
    [8240, "8.2 s"],
    [42_000, "42 s"],
    [720_000, "12 min"],
    [36e5, "1 h"],
    [5 * 36e5 + 6e5, "5 h 10 min"],
    [3 * 864e5 + 4 * 36e5, "3 d 4 h"],
  ])("writes %d ms as %s", (ms, text) => expect(span(ms)).toBe(text));

  it("fills a local field that reads back as the same second", () => {
    expect(parseTime(localInput(now), 0)).toBe(now);
  });
});
