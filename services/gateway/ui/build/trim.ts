// Takes out of uPlot what this client never draws - its legend, logarithmic scales, stepped, bar and spline paths, date templates -
// about 4 KB of what every chart page loads. The build stops when uPlot's text no longer has these lines, so that an update cannot
// pass unseen.
import type { Plugin } from "vite";

const cuts: readonly [string | RegExp, string][] = [
  ["const showLegend = legend.show;", "const showLegend = false;"],
  // Only linear scales (distr 1) are used: with the other branches gone their functions go too.
  [/\b[\w.]*[dD]istr == (?:3|4|100)\b/g, "false"],
  [/\b[\w.]*distr >= 3\b/g, "false"],
  // Every chart has one column of times for all series (mode 1), in milliseconds.
  [/\bmode == 2\b/g, "false"],
  [/\bmode == 1\b/g, "true"],
  ["const [ timeIncrsS,  _timeAxisStampsS,  timeAxisSplitsS  ] = genTimeStuffs(1e-3);", ""],
  [/\(?ms == 1 \? (\w+) : \w+S\b\)?/g, "$1"],
  [/\(ms == 1 \? timeAxisSplitsMs\(_tzDate\) : timeAxisSplitsS\(_tzDate\)\)/, "timeAxisSplitsMs(_tzDate)"],
  [/const _timeAxisStamps = \[\n(?:.*\n)*?\t\];/, "const _timeAxisStamps = null;"],
  // Axes and readouts write their own times, in the person's language.
  [/const _timeAxisVals {3}= .*;/, "const _timeAxisVals = null;"],
  [/const _timeSeriesVal {2}= .*;/, "const _timeSeriesVal = null;"],
  [/timeAxisVals\(_tzDate, timeAxisStamps\(av, _fmtDate\)\)/, "null"],
  [/timeAxisVal\(_tzDate, av\)/, "null"],
  [/timeSeriesVal\(_tzDate, timeSeriesStamp\(sv, _fmtDate\)\)/, "null"],
  ["const _fmtDate = (opts.fmtDate || fmtDate);", ""],
  ["uPlot.fmtDate = fmtDate;", ""],
  ["uPlot.rangeLog = rangeLog;", ""],
  ["uPlot.rangeAsinh = rangeAsinh;", ""],
  ["(paths.stepped = stepped);", ""],
  ["(paths.bars    = bars);", ""],
  ["(paths.spline  = monotoneCubic);", ""],
  ["uPlot.join = join;", ""],
  ["uPlot.addGap = addGap;", ""],
  ["uPlot.orient   = orient;", ""],
];

export function trimPlot(): Plugin {
  return {
    name: "trim-uplot",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("uPlot.esm.js")) return null;
      let left = code;
      for (const [from, to] of cuts) {
        const next = left.replace(from, to);
        if (next === left) throw new Error(`uPlot has changed: ${from} is not there any more; see build/trim.ts`);
        left = next;
      }
      return { code: left, map: null };
    },
  };
}
