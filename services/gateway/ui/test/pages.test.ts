import { describe, expect, it } from "vitest";
import type { Episode, ServiceRow } from "../src/api/types";
import { profilePath } from "../src/charts/profile";
import { snippets } from "../src/pages/connect/snippets";
import { around } from "../src/pages/episodes/Curve";
import { merged } from "../src/pages/episodes/Episodes";
import { toggled } from "../src/pages/explore/Finder";
import { onTheWay } from "../src/pages/health/Health";
import { inOrder } from "../src/pages/overview/Overview";
import { gaugePlaces } from "../src/parts/BandGauge";
import { markOf } from "../src/parts/Mark";
import { barHeight } from "../src/parts/SignStrip";
import { seriesName } from "../src/parts/series";
import { placeOf, places } from "../src/shell/places";
import { pickLang, pickTheme } from "../src/state/prefs";

const service = (name: string, state: ServiceRow["state"], worst: number): ServiceRow => ({
  service: name,
  series: 1,
  odd: 0,
  worst,
  open_episodes: 0,
  risk: null,
  state,
  spark: [],
});

const episode = (id: string, version: number): Episode => ({
  id,
  version,
  series_id: "a",
  metric: "m",
  labels: {},
  kind: "anomaly",
  state: "open",
  opened_ms: 1_000_000,
  updated_ms: 2_000_000,
});

describe("pure parts of pages", () => {
  it("orders services by what needs eyes first", () => {
    const rows = [
      service("b", "ok", 0.9),
      service("a", "ok", 0.1),
      service("l", "learning", 0),
      service("s", "stale", 0),
      service("o1", "odd", 1.2),
      service("o2", "odd", 3),
    ];
    expect(inOrder(rows).map((r) => r.service)).toEqual(["o2", "o1", "s", "l", "a", "b"]);
  });

  it("puts the newest version of an episode in place, new ones on top, and drops late ones", () => {
    const list = [episode("x", 2), episode("y", 1)];
    expect(merged(list, episode("y", 3)).map((e) => [e.id, e.version])).toEqual([
      ["x", 2],
      ["y", 3],
    ]);
    expect(merged(list, episode("z", 1)).map((e) => e.id)).toEqual(["z", "x", "y"]);
    expect(merged(list, episode("x", 1)).map((e) => e.version)).toEqual([2, 1]);
  });

  it("shows an episode with room before and after, never the future", () => {
    expect(around(episode("x", 1), 1_700_000)).toEqual({ fromMs: 300_000, toMs: 1_700_000 });
    const closed = { ...episode("x", 1), state: "closed" as const, closed_ms: 1_100_000 };
    expect(around(closed, 9_000_000)).toEqual({ fromMs: 400_000, toMs: 1_400_000 });
  });

  it("keeps gauge places inside and in order", () => {
    for (const value of [-1000, 0, 45, 50, 61, 1e9]) {
      const { from, to, at } = gaugePlaces({ value, lower: 40, upper: 60, expected: 50, unit: "" });
      expect(from).toBeLessThan(to);
      expect(at).toBeGreaterThanOrEqual(0);
      expect(at).toBeLessThanOrEqual(100);
      if (value === 45) expect(at > from && at < to).toBe(true);
      if (value === 61) expect(at).toBeGreaterThan(to);
    }
    expect(Number.isFinite(gaugePlaces({ value: 5, lower: 5, upper: 5, expected: 5, unit: "" }).at)).toBe(true);
  });

  it("draws bars that grow with the score and cross the boundary at one", () => {
    expect(barHeight(0)).toBeGreaterThan(0);
    expect(barHeight(1)).toBe(12);
    expect(barHeight(1.01)).toBeGreaterThan(12);
    expect(barHeight(50)).toBe(30);
  });

  it("names a series with its home first", () => {
    expect(seriesName("cpu", { env: "prod", host: "n1", service: "cart" })).toBe("cpu service=cart host=n1 env=prod");
  });

  it("has a mark for every state, also an unknown one", () => {
    expect(markOf("critical")).toBe("odd");
    expect(markOf("closed")).toBe("ok");
    expect(markOf("whatever")).toBe("info");
  });

  it("toggles, counts and draws", () => {
    expect(toggled(["a"], "b")).toEqual(["a", "b"]);
    expect(toggled(["a", "b"], "a")).toEqual(["b"]);
    expect(onTheWay({ received: 100, stored: 90, rejected: 3, dead_lettered: 2, duplicates: 1 })).toBe(4);
    expect(onTheWay({ received: 1, stored: 5 })).toBe(0);
    expect(profilePath([1, 1])).toBe("M0.0 38.0L200.0 38.0");
  });

  it("finds pages by address and has one key for each", () => {
    expect(placeOf("/")?.name).toBe("overview");
    expect(placeOf("/explore")?.name).toBe("explore");
    expect(placeOf("/nowhere")).toBeNull();
    expect(placeOf("/explorer")).toBeNull();
    expect(new Set(places.map((p) => p.key)).size).toBe(places.length);
    expect(new Set(places.map((p) => p.glyph)).size).toBe(places.length);
  });

  it("builds snippets that are valid and carry address and key", () => {
    const at = {
      base_url: "http://h:1/",
      kafka: "h:2",
      tenant: "default",
      topics: { metrics: "kizashi.metrics.v1.acme" },
    };
    const all = snippets(at, "K");
    const curl = all.find((s) => s.id === "curl")?.text ?? "";
    expect(curl).toContain("http://h:1/api/v1/metrics");
    expect(curl).toContain("Bearer K");
    expect(JSON.parse(/-d '(.*)'/.exec(curl)?.[1] ?? "")).toMatchObject({ metric: "my_first_metric", value: 42 });
    expect(all.find((s) => s.id === "kafka")?.text).toContain("h:2");
    expect(all.find((s) => s.id === "kafka")?.text).toContain("kizashi.metrics.v1.acme");
    expect(snippets(at, "")[0]?.text).toContain("YOUR_KEY");
  });

  it("picks language and theme", () => {
    expect(pickLang(["", ""], ["ja-JP", "en"])).toBe("ja");
    expect(pickLang(["en", "ja"], ["ja"])).toBe("en");
    expect(pickLang([""], ["fr"])).toBe("en");
    expect(pickTheme("", "dark")).toBe("dark");
    expect(pickTheme("pink")).toBe("auto");
  });
});
