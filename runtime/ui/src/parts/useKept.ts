// What somebody has half written: kept for this tab until it is sent or given up, also when the page is left or loaded anew.
import { useCallback, useState } from "react";
import { useSession } from "../api/session";

const nameOf = (user: string | undefined, key: string) => `onward-draft-${user ?? ""}-${key}`;

/** What the names of all drafts of a task's page begin with. */
export const taskDrafts = (workflow: string, address: string) => `task-${workflow}/${encodeURIComponent(address)}/`;

/** Lets the drafts of a task's page follow it to another address. */
export function useMoveDrafts(): (workflow: string, from: string, to: string) => void {
  const user = useSession().user?.id;
  return (workflow, from, to) => {
    const [before, after] = [from, to].map((address) => nameOf(user, taskDrafts(workflow, address))) as [string, string];
    for (const name of Object.keys(sessionStorage).filter((it) => it.startsWith(before))) {
      const kept = sessionStorage.getItem(name)!;
      // First out, then in: there is room for it.
      sessionStorage.removeItem(name);
      sessionStorage.setItem(after + name.slice(before.length), kept);
    }
  };
}

/** As `useState`, but for the third part, which forgets. What cannot be kept is only held. */
export function useKept<T>(key: string, initial: () => T): [T, (value: T) => void, () => void] {
  const name = nameOf(useSession().user?.id, key);
  const [value, setValue] = useState<T>(() => read<T>(name) ?? initial());
  const write = useCallback(
    (to: T) => {
      setValue(to);
      try {
        sessionStorage.setItem(name, JSON.stringify(to));
      } catch {
        // Too large, as files are: it is here for as long as the page is.
      }
    },
    [name],
  );
  const forget = useCallback(() => sessionStorage.removeItem(name), [name]);
  return [value, write, forget];
}

function read<T>(name: string): T | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}
