// Charts of one page point at the same moment: whoever is pointed at tells the others.

export interface Pointed {
  pointAt: (ms: number | null) => void;
}

const groups = new Map<string, Set<Pointed>>();

/** Joins a group; the answer leaves it. */
export function join(group: string, member: Pointed): () => void {
  const members = groups.get(group) ?? new Set();
  groups.set(group, members.add(member));
  return () => members.delete(member);
}

export function pointAll(group: string, ms: number | null): void {
  for (const member of groups.get(group) ?? []) member.pointAt(ms);
}
