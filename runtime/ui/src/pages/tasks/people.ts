// Who may have a task: everybody of the workflow, by their email.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schemas } from "../../api/client";
import { usersQuery } from "../../api/queries";
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

type Named = Pick<Schemas["WorkflowUser"], "email" | "first_name" | "last_name">;

export const fullName = ({ email, first_name, last_name }: Named) => `${first_name} ${last_name}`.trim() || email;

export function usePeople(workflow: string): People {
  const { data } = useQuery(usersQuery(workflow));
  return useMemo(() => {
    const list = (data ?? []).map((it) => ({ email: it.email, name: fullName(it) })).sort((a, b) => a.name.localeCompare(b.name));
    return { list, names: new Map(list.map((it) => [it.email.toLowerCase(), it.name])) };
  }, [data]);
}
