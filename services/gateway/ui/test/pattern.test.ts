import { describe, expect, it } from "vitest";
import type { Episode } from "../src/api/types";
import { around, seasonMs } from "../src/pages/episodes/Curve";
import { changed } from "../src/pages/episodes/Line";

const episode = (over: Partial<Episode>): Episode => ({ kind: "season", unit: "ms", ...over }) as Episode;

describe("change points of patterns", () => {
  it("shows two periods before a season broke and one after it, never the future", () => {
    const broke = episode({
      expected: 3600,
      value: 0,
      state: "closed",
      opened_ms: 1e8,
      updated_ms: 1e8,
      closed_ms: 1e8,
    });
    expect(seasonMs(broke)).toBe(36e5);
    expect(around(broke, 2e8)).toEqual({ fromMs: 1e8 - 72e5, toMs: 1e8 + 36e5 });
    expect(around(broke, 1e8 + 5)).toEqual({ fromMs: 1e8 - 72e5, toMs: 1e8 + 5 });
    for (const other of [{ kind: "trend" as const }, { expected: 0 }])
      expect(around({ ...broke, ...other }, 2e8)).toEqual({ fromMs: 1e8 - 6e5, toMs: 1e8 + 3e5 });
  });

  it("tells a period as a length of time, and that there is none", () => {
    expect(changed(episode({ expected: 86_400, value: 604_800 }))).toBe("1 d › 7 d");
    expect(changed(episode({ value: 86_400 }))).toBe("parts.no_season › 1 d");
  });

  it("tells a slope by day, and leaves values of the series alone", () => {
    expect(changed(episode({ kind: "trend", expected: 0, value: 12 }))?.replace(/\s/g, " ")).toBe("0 ms › 12 ms / d");
    for (const kind of ["anomaly", "step", "variance", "missing"]) expect(changed(episode({ kind }))).toBeNull();
  });
});
