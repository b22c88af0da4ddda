// Takes out of uPlot what this client never draws (stepped, bar and spline paths, date templates, table joins): 2 KB of what every
// chart page loads. The build stops when uPlot's text no longer has these lines, so that an update cannot pass unseen.
import type { Plugin } from "vite";

const unused = [
  "(paths.stepped = stepped);",
  "(paths.bars    = bars);",
  "(paths.spline  = monotoneCubic);",
  "uPlot.join = join;",
  "uPlot.addGap = addGap;",
  "uPlot.orient   = orient;",
];

export function trimPlot(): Plugin {
  return {
    name: "trim-uplot",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("uPlot.esm.js")) return null;
      let left = code;
      for (const line of unused) {
        if (!left.includes(line))
          throw new Error(`uPlot has changed: "${line}" is not there any more; see build/trim.ts`);
        left = left.replace(line, "");
      }
      return { code: left, map: null };
    },
  };
}
