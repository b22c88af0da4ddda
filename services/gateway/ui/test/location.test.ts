import { afterEach, describe, expect, it } from "vitest";
import { go, hrefOf, linkTo, many, one, parsePlace, place, setQuery } from "../src/state/location";

describe("the address as state", () => {
  afterEach(() => go("/", true));

  it("reads paths and repeated names in order", () => {
    expect(parsePlace("/explore/?series=b&series=a&q=x%20y")).toEqual({
      path: "/explore",
      query: { series: ["b", "a"], q: ["x y"] },
    });
    expect(parsePlace("/").path).toBe("/");
  });

  it("writes what it reads, with a patch", () => {
    const at = parsePlace("/e?series=a&series=b&state=open");
    expect(hrefOf(at.path, at.query, { state: null, kind: "step", series: ["c"] })).toBe("/e?kind=step&series=c");
    expect(hrefOf(at.path, at.query, { series: [], state: "" })).toBe("/e");
    const odd = "q=a%26b%3Dc%2Bd";
    expect(parsePlace(hrefOf("/x", parsePlace(`/x?${odd}`).query)).query["q"]).toEqual(["a&b=c+d"]);
  });

  it("changes the query in place and keeps the range on links", () => {
    go("/explore?from=now-1h&q=cpu");
    setQuery({ q: "mem", series: ["1", "2"] });
    expect(one("q")).toBe("mem");
    expect(many("series")).toEqual(["1", "2"]);
    expect(linkTo("/episodes", { state: "open" })).toBe("/episodes?from=now-1h&state=open");
    expect(location.search).toContain("q=mem");
    expect(place.value.path).toBe("/explore");
  });
});
