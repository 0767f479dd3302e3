// Which task comes next in the list from which somebody came.

export interface Lists {
  /** As it was looked at: there the task still has its place. */
  seen: string[];
  /** As it is now, from its beginning. */
  now: string[];
  /** Whether `now` is all of it. */
  isWhole: boolean;
}

/** The one after `current` that is still there; else the first one that there is; null where there is no other. */
export function nextOf({ seen, now, isWhole }: Lists, current: string): string | null {
  const there = new Set(now);
  const at = seen.indexOf(current);
  const after = at < 0 ? undefined : seen.slice(at + 1).find((it) => there.has(it) || !isWhole);
  return after ?? now.find((it) => it !== current) ?? null;
}
