// What a task is called where another page points to it.

interface Field {
  name: string;
  type: string;
}

/** Its Unique ID and its first text: `42 · Acme Corp`. The end of its id where it has neither. */
export function taskLabel(id: string, fields: Field[], values: Record<string, unknown> | null | undefined): string {
  const of = (type: string) => {
    for (const field of fields) {
      const value = field.type === type ? values?.[field.name] : undefined;
      if (typeof value === "string" && value.trim()) return value.trim();
    }
    return undefined;
  };
  const parts = [of("uniqueId"), of("text")].filter((it): it is string => it !== undefined);
  return parts.length > 0 ? parts.join(" · ") : shortId(id);
}

/** Enough of an id to tell it from its neighbours. */
export function shortId(id: string): string {
  return id.length > 12 ? `…${id.slice(-8)}` : id;
}
