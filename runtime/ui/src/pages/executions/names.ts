// Names of the actions that executions speak of by their ids.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { executionsQuery } from "../../api/executions";
import { definitionQuery } from "../../api/definitions";
import { workflowsQuery } from "../../api/queries";
import { useRights, useSession } from "../../api/session";

interface Named {
  id: string;
  name: string;
}

/** The workflow's version that counts, with its document where whoever asks may read it. */
export function useCurrentVersion(workflow: string): { version: number; document?: unknown } | undefined {
  const { administer } = useRights(workflow);
  const definition = useQuery({ ...definitionQuery(workflow), enabled: administer });
  const { data: workflows } = useQuery(workflowsQuery);
  if (definition.data) return definition.data;
  const version = (workflows?.find((it) => it.id === workflow) as { version?: number } | undefined)?.version;
  return version === undefined ? undefined : { version };
}

/** The workflow's actions: those of its definition where it can be read, else those one may perform and those of the newest executions. */
export function useActions(workflow: string, seen: { id: string; name: string | null }[]): Named[] {
  const current = useCurrentVersion(workflow);
  const { workflows } = useSession();
  const { administer } = useRights(workflow);
  // Without the definition it is executions alone that tell an action's name.
  const newest = useInfiniteQuery({ ...executionsQuery(workflow, {}), enabled: !administer }).data;
  return useMemo(() => {
    const names = new Map<string, string>();
    for (const id of workflows.find((it) => it.id === workflow)?.perform ?? []) names.set(id, id);
    const listed = newest?.pages.flatMap((page) => page.items.map((it) => it.action)) ?? [];
    for (const { id, name } of [...listed, ...seen]) names.set(id, name ?? names.get(id) ?? id);
    const { actions } = (current?.document ?? {}) as { actions?: Named[] };
    for (const { id, name } of actions ?? []) names.set(id, name);
    return [...names].map(([id, name]) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name));
  }, [current?.document, newest, seen, workflow, workflows]);
}
