import { describe, expect, it } from "vitest";
import type { Episode } from "../src/api/types";
import { changed } from "../src/pages/episodes/Line";

const episode = (over: Partial<Episode>): Episode => ({ kind: "season", unit: "ms", ...over }) as Episode;

describe("change points of patterns", () => {
  it("tells a period as a length of time, and that there is none", () => {
    expect(changed(episode({ expected: 86_400, value: 604_800 }))).toBe("1 d › 7 d");
    expect(changed(episode({ value: 86_400 }))).toBe("parts.no_season › 1 d");
  });

  it("tells a slope by day, and leaves values of the series alone", () => {
    expect(changed(episode({ kind: "trend", expected: 0, value: 12 }))?.replace(/\s/g, " ")).toBe("0 ms › 12 ms / d");
    for (const kind of ["anomaly", "step", "variance", "missing"]) expect(changed(episode({ kind }))).toBeNull();
  });
});
