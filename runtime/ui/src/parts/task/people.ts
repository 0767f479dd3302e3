// Who may have a task: everybody of the workflow, by their email.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { usersQuery } from "../../api/queries";
import { fullName } from "../../model/people/person";
import type { Names } from "../../model/tasks/values";

export interface Person {
  email: string;
  name: string;
}

export interface People {
  list: Person[];
  /** By email, in small letters. */
  names: Names;
}

export function usePeople(workflow: string): People {
  const { data } = useQuery(usersQuery(workflow));
  return useMemo(() => {
    const list = (data ?? []).map((it) => ({ email: it.email, name: fullName(it) })).sort((a, b) => a.name.localeCompare(b.name));
    return { list, names: new Map(list.map((it) => [it.email.toLowerCase(), it.name])) };
  }, [data]);
}
