// What became of a task: its changes, and the executions that made some of them, as one story with the newest first.
import type { Schemas } from "../../api/client";

type HistoryEntry = Schemas["HistoryEntry"];
type ExecutionItem = Schemas["ExecutionItem"];

export type Activity =
  | { kind: "change"; key: string; at: string; entry: HistoryEntry }
  | { kind: "execution"; key: string; at: string; execution: ExecutionItem; changes: HistoryEntry[] };

/** Changes that an execution made stand with it; where that is not in the list (any more), for themselves. */
export function activities(history: HistoryEntry[], executions: ExecutionItem[]): Activity[] {
  const known = new Set(executions.map((it) => it.id));
  const isOwn = (entry: HistoryEntry) => entry.execution_id === null || !known.has(entry.execution_id);
  const story: Activity[] = [
    ...history.filter(isOwn).map((entry): Activity => ({ kind: "change", key: `change-${entry.number}`, at: entry.at, entry })),
    ...executions.map((execution): Activity => ({
      kind: "execution",
      key: execution.id,
      at: execution.created_at,
      execution,
      changes: history.filter((it) => it.execution_id === execution.id),
    })),
  ];
  // Two in one millisecond stay as they came: a change before what followed from it.
  return story.sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || numberOf(b) - numberOf(a));
}

const numberOf = (it: Activity) => (it.kind === "change" ? it.entry.number : (it.changes[0]?.number ?? 0));

/** What a change was, as a word that follows who did it. */
export function causeWords(cause: string): string {
  switch (cause) {
    case "created":
      return "created the task";
    case "reverted":
      return "took changes back";
    case "redone":
      return "made changes again";
    case "scheduled":
      return "moved it, as scheduled";
    case "deleted":
      return "deleted the task";
    default:
      return "changed the task";
  }
}

/** The changes of an entry that say something: a new task's empty values do not. */
export function changesOf({ changes }: HistoryEntry): { field: string; before: unknown; after: unknown }[] {
  return Object.entries(changes)
    .map(([field, { before, after }]) => ({ field, before, after }))
    .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
}
