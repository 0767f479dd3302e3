// What a task is called where another page points to it.

interface Summary {
  unique_id: string | null;
  title: string | null;
}

/** Its Unique ID and its title: `42 · Acme Corp`. The end of its id where it has neither, or is gone. */
export function taskLabel(id: string, summary: Summary | null): string {
  const parts = [summary?.unique_id, summary?.title?.trim()].filter(Boolean);
  return parts.length > 0 ? parts.join(" · ") : shortId(id);
}

/** Enough of an id to tell it from its neighbours. */
export function shortId(id: string): string {
  return id.length > 12 ? `…${id.slice(-8)}` : id;
}
