// What somebody looks at, kept in the page's address; and which list they came from, for the pages of its tasks.
import { useCallback, useEffect, useMemo } from "react";
import { useSearchParams } from "react-router";
import { type View, readView, writeView } from "../../model/tasks/view";

export function useView(workflow: string): [View, (view: View) => void] {
  const [address, setAddress] = useSearchParams();
  const view = useMemo(() => readView(address), [address]);
  const change = useCallback((to: View) => setAddress(writeView(to), { replace: true }), [setAddress]);
  const search = address.toString();
  useEffect(() => sessionStorage.setItem(KEY(workflow), search), [workflow, search]);
  return [view, change];
}

const KEY = (workflow: string) => `onward-list-${workflow}`;

/** Whoever comes next has not looked at any. */
export function forgetLists(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(KEY(""))) sessionStorage.removeItem(key);
}

/** The list that was looked at last in this tab. */
export function lastView(workflow: string): View {
  return readView(new URLSearchParams(sessionStorage.getItem(KEY(workflow)) ?? ""));
}

/** Its page's address. */
export function listAddress(workflow: string): string {
  const search = sessionStorage.getItem(KEY(workflow));
  return `/workflows/${encodeURIComponent(workflow)}/tasks${search ? `?${search}` : ""}`;
}
