// How axes are written: clock times on short ranges, days on long ones, values in their unit.
import { clock, dayClock } from "../time/format";
import { quantity } from "../units/format";

/** From this width on, a clock time alone does not say which day. */
const dayMs = 864e5;

export const axisWords = (fromMs: number, toMs: number, unit: string) => ({
  timeWord: (ms: number): string => (toMs - fromMs > dayMs ? dayClock(ms) : clock(ms).replace(/:00$/, "")),
  valueWord: (value: number): string => quantity(value, unit),
});
