// Who there is, as whoever asks may see it: an administrator of the workspace everybody with all their roles, one of
// some workflows the people of those.
import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { peopleQuery, rolesQuery } from "../../api/administration";
import { usersQuery, workflowsQuery } from "../../api/queries";
import { useSession } from "../../api/session";
import { type Person, type Role, byName, fromMembers } from "../../model/people/person";

/** A workflow in which one may give people roles, with the roles it has; without them where it cannot be read. */
export interface Administered {
  id: string;
  name: string;
  roles: Role[] | undefined;
}

export interface People {
  people: Person[] | undefined;
  workflows: Administered[];
  error: unknown;
  retry: () => void;
}

export function usePeople(): People {
  const { is_administrator, workflows: own } = useSession();
  const queries = useQueryClient();
  const everybody = useQuery({ ...peopleQuery, enabled: is_administrator });
  const listed = useQuery(workflowsQuery);
  const mayGive = new Set(own.filter((it) => it.administer).map((it) => it.id));
  const workflows = (listed.data ?? []).filter((it) => mayGive.has(it.id));
  const roles = useQueries({ queries: workflows.map((it) => rolesQuery(it.id)) });
  const members = useQueries({ queries: workflows.map((it) => ({ ...usersQuery(it.id), enabled: !is_administrator })) });

  const areMembersRead = listed.data !== undefined && members.every((it) => it.data);
  const seen = () => fromMembers(workflows.map((it, index) => ({ id: it.id, members: members[index]!.data ?? [] })));
  const people = is_administrator ? everybody.data : areMembersRead ? seen() : undefined;
  return {
    people: people?.toSorted(byName),
    workflows: workflows.map((it, index) => ({ id: it.id, name: it.name, roles: roles[index]!.data })),
    error: people ? undefined : (everybody.error ?? listed.error ?? members.find((it) => it.error)?.error),
    retry: () => void queries.refetchQueries({ predicate: (it) => it.state.status === "error" }),
  };
}

/** Has what shows people read anew. */
export function useStalePeople(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["people"] }),
      queries.invalidateQueries({ queryKey: ["invitations"] }),
      queries.invalidateQueries({ queryKey: ["session"] }),
      queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "workflow" && queryKey[2] === "users" }),
    ]);
  };
}
