// Geometry of the gauge: a half circle of radius 50 around (60, 60), from left to right.

/** Where a value lies between low and high, 0 to 1; nothing known is 0. */
export function share(value: number | null, low: number, high: number): number {
  if (value === null || Number.isNaN(value) || high <= low) return 0;
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

const point = (s: number): string =>
  `${(60 - 50 * Math.cos(Math.PI * s)).toFixed(2)} ${(60 - 50 * Math.sin(Math.PI * s)).toFixed(2)}`;

/** The arc between two shares of the half circle. */
export const arc = (from: number, to: number): string => `M${point(from)}A50 50 0 0 1 ${point(to)}`;
