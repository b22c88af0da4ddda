import { describe, expect, it } from "vitest";
import type { RangeSeries } from "../src/api/types";
import { appendLive, columnsOf, foldLive, oddRuns, summary } from "../src/charts/columns";
import { type Drawings, taken } from "../src/charts/useColumns";
import { shifted } from "../src/pages/explore/aside";

const points = (ts: number[], value: number[]) => ({
  id: "a",
  ts,
  value,
  score: value.map((v) => (v > 5 ? 1.5 : 0.2)),
  expected: value,
  lower: value,
  upper: value,
  flags: value.map(() => 0),
});

describe("columns", () => {
  it("fills the columns that an answer leaves out", () => {
    const c = columnsOf({ ts: [1, 2], value: [3, 4] });
    expect(c.value).toEqual([3, 4]);
    expect(c.score).toEqual([null, null]);
  });

  it("appends only newer points and lets old ones go", () => {
    const c = columnsOf({ ts: [10, 20, 30], value: [1, 2, 3] });
    const next = appendLive(c, points([20, 30, 40, 50], [9, 9, 4, 6]), 15);
    expect(next.ts).toEqual([20, 30, 40, 50]);
    expect(next.value).toEqual([2, 3, 4, 6]);
    expect(next.score.slice(-2)).toEqual([0.2, 1.5]);
    for (const column of [next.low, next.high, next.expected, next.lower, next.upper]) expect(column).toHaveLength(4);
    expect(appendLive(next, points([50], [6]), 15)).toBe(next);
    expect(appendLive(columnsOf({ ts: [], value: [] }), points([1], [2]), 0).value).toEqual([2]);
    expect(appendLive(c, points([40], [7]), 35).ts).toEqual([40]);
  });

  it("folds live points into buckets: exact extremes, each point once, old buckets go", () => {
    const c = columnsOf({ ts: [0, 10, 20], value: [1, 2, 4], low: [1, 2, 3], high: [1, 2, 5] });
    const first = foldLive({ columns: c, heardMs: 23, n: 1 }, points([22, 24, 29, 31, 38], [99, 6, 8, 1, 3]), 10, 10);
    expect(first.columns.ts).toEqual([10, 20, 30]);
    expect(first.columns.value).toEqual([2, 6, 2]);
    expect(first.columns.low).toEqual([2, 3, 1]);
    expect(first.columns.high).toEqual([2, 8, 3]);
    expect(first.columns.score).toEqual([null, 1.5, 0.2]);
    expect(first.columns.expected).toEqual([null, 8, 3]);
    const again = foldLive(first, points([31, 38, 39], [1, 3, 5]), 10, 10);
    expect(again.columns.value).toEqual([2, 6, 3]);
    expect(c.value).toEqual([1, 2, 4]);
    expect(
      foldLive({ columns: columnsOf({ ts: [], value: [] }), heardMs: 0, n: 5 }, points([7], [2]), 0, 5).columns.ts,
    ).toEqual([5]);
  });

  it("gives an answer the live points that had not landed when it was made", () => {
    const series = { id: "a" } as RangeSeries;
    const answer: Drawings = {
      stepMs: 10,
      drawn: [{ series, columns: columnsOf({ ts: [0, 10], value: [1, 4] }), heardMs: 5, n: 2 }],
    };
    const heard = [[points([3, 12], [9, 4])], [points([15, 21], [4, 70])]];
    const made = heard.reduce((d, got) => taken(d, got, 0), answer).drawn[0];
    expect(made?.columns.ts).toEqual([0, 10, 20]);
    expect(made?.columns.value).toEqual([1, 4, 70]);
    expect(made?.columns.high).toEqual([null, 4, 70]);
  });

  it("finds odd runs, also at both ends", () => {
    expect(oddRuns([1, 0.5, 1.2, 3, null, 0.9, 1])).toEqual([
      [0, 0],
      [2, 3],
      [6, 6],
    ]);
    expect(oddRuns([])).toEqual([]);
  });

  it("sums up with the extremes inside buckets", () => {
    const c = {
      ...columnsOf({ ts: [1, 2, 3], value: [5, null, 7] }),
      low: [4, null, 6.5],
      high: [6, null, 9],
      score: [0, null, 2],
    };
    expect(summary(c)).toEqual({ n: 2, low: 4, high: 9, odd: 1 });
    expect(summary(columnsOf({ ts: [], value: [] }))).toEqual({ n: 0, low: null, high: null, odd: 0 });
  });

  it("lays an earlier stretch over this one without looking ahead", () => {
    const earlier = columnsOf({ ts: [0, 10, 20], value: [1, 2, 3] });
    expect(shifted([99, 100, 105, 110, 130], earlier, 100)).toEqual([null, 1, 1, 2, 3]);
  });
});
