// What executions speak of by its id: actions, and the version that counts by now.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { definitionQuery } from "../../api/definitions";
import { allActionsQuery, workflowsQuery } from "../../api/queries";
import { useRights } from "../../api/session";

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

/** The workflow's actions, and those that are no longer among them but are `seen`. */
export function useActions(workflow: string, seen: { id: string; name: string | null }[]): Named[] {
  const { data: actions } = useQuery(allActionsQuery(workflow));
  return useMemo(() => {
    const names = new Map<string, string>();
    for (const { id, name } of seen) names.set(id, name ?? names.get(id) ?? id);
    for (const { id, name } of actions ?? []) names.set(id, name);
    return [...names].map(([id, name]) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name));
  }, [actions, seen]);
}
