// What Explore does with columns beside drawing them: comparing with an earlier stretch. Pure.
import type { Column } from "../../api/types";
import type { Columns } from "../../charts/columns";

/** Shifts another stretch of the same series onto these times (nearest earlier value): for comparing with yesterday. */
export function shifted(ts: number[], other: Columns, byMs: number): Column {
  let j = 0;
  return ts.map((t) => {
    while (j + 1 < other.ts.length && (other.ts[j + 1] ?? 0) + byMs <= t) j++;
    const at = other.ts[j];
    return at !== undefined && at + byMs <= t ? (other.value[j] ?? null) : null;
  });
}
