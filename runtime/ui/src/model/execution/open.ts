// Which executions of a task somebody has to know of: those that have not ended, and failures that nothing has made good.

interface Item {
  id: string;
  status: string;
  state: string;
  action: { id: string };
}

/** `items`: a task's executions, newest first. Answered in that order, too. */
export function openExecutions<T extends Item>(items: T[]): T[] {
  const later = new Set<string>();
  return items.filter((item) => {
    const isPending = item.status === "Pending";
    const hasFailed = item.state === "failed" || item.state === "unknown";
    // A later performance of the same action says how things are; of an unknown one it does not say whether it took effect.
    const isOpen = isPending || item.state === "unknown" || (hasFailed && !later.has(item.action.id));
    later.add(item.action.id);
    return isOpen;
  });
}
