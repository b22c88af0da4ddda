// A season's profile as a line over 200 × 40. Pure.

export function profilePath(profile: readonly number[]): string {
  const low = Math.min(...profile);
  const reach = Math.max(...profile) - low || 1;
  const x = (i: number): string => ((i / Math.max(profile.length - 1, 1)) * 200).toFixed(1);
  return profile.map((v, i) => `${i ? "L" : "M"}${x(i)} ${(38 - ((v - low) / reach) * 36).toFixed(1)}`).join("");
}
