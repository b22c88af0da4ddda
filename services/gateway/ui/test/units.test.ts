import { afterEach, describe, expect, it } from "vitest";
import { lang } from "../src/state/prefs";
import { chance, percent, quantity, score, short } from "../src/units/format";

const plain = (s: string): string => s.replaceAll("\u00a0", " ");

describe("quantities", () => {
  afterEach(() => {
    lang.value = "en";
  });

  it.each([
    [0.7, "", "0.7"],
    [0.01234, "", "0.0123"],
    [1234.5, "", "1,235"],
    [12_345, "", "12.3 k"],
    [4.2e6, "req/s", "4.2 M req/s"],
    [42.1, "%", "42.1 %"],
    [0.0123, "ratio", "1.23 %"],
    [7.2e8, "bytes", "687 MiB"],
    [2048, "bytes/s", "2 KiB/s"],
    [251, "ms", "251 ms"],
    [2510, "ms", "2.51 s"],
    [0.0042, "s", "4.2 ms"],
    [0.0000042, "s", "4.2 µs"],
    [0, "s", "0 s"],
    [-5e9, "bytes", "-4.66 GiB"],
    [3, "1", "3"],
  ])("%d %s → %s", (value, unit, text) => expect(plain(quantity(value, unit))).toBe(text));

  it("shows what is not there as a dash", () => {
    expect(quantity(null, "%")).toBe("–");
    expect(quantity(Number.NaN)).toBe("–");
    expect(score(undefined)).toBe("–");
  });

  it("keeps scores in one width", () => {
    expect(score(0.3)).toBe("0.30");
    expect(score(3.24159)).toBe("3.24");
    expect(score(1234.5)).toBe("1235");
  });

  it("writes Japanese numbers too", () => {
    lang.value = "ja";
    expect(plain(percent(0.625))).toBe("62.5 %");
    expect([0, 0.004, 0.126, 0.999].map((p) => plain(chance(p)))).toEqual(["< 1 %", "< 1 %", "13 %", "> 99 %"]);
    expect(short(9999)).toBe("9,999");
  });
});
