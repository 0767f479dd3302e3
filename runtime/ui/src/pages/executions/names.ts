// Names of what an execution speaks of by its id: actions and tasks.
import { useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { ApiError, answer, client } from "../../api/client";
import { currentVersionQuery, executionsQuery } from "../../api/executions";
import { fieldsQuery, workflowsQuery } from "../../api/queries";
import { useRights, useSession } from "../../api/session";
import { shortId, taskLabel } from "../../model/runs/tasks";

interface Named {
  id: string;
  name: string;
}

/** The workflow's version that counts, with its document where whoever asks may read it. */
export function useCurrentVersion(workflow: string): { version: number; document?: unknown } | undefined {
  const { administer } = useRights(workflow);
  const definition = useQuery({ ...currentVersionQuery(workflow), enabled: administer });
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

/** Whether whoever is signed in may perform an action: then they decide about its executions. */
export function useMayPerform(workflow: string, action: string | undefined): boolean {
  const { is_administrator, workflows } = useSession();
  return is_administrator || (action !== undefined && !!workflows.find((it) => it.id === workflow)?.perform.includes(action));
}

/** Whether whoever is signed in may perform anything in a workflow. */
export function useMayPerformAny(workflow: string): boolean {
  const { is_administrator, workflows } = useSession();
  return is_administrator || workflows.some((it) => it.id === workflow && it.perform.length > 0);
}

const NAMES_MS = 5 * 60_000;

export interface TaskName {
  label: string;
  isGone: boolean;
}

interface OfTask {
  task: string;
}

/** What tasks are called, by their ids. One that is deleted is called so. */
export function useTaskNames(workflow: string, executions: OfTask[]): Map<string, TaskName> {
  const { data: fields } = useQuery(fieldsQuery(workflow));
  const ids = [...new Set(executions.map((it) => it.task))];
  const tasks = useQueries({
    queries: ids.map((task) => ({
      queryKey: ["workflow", workflow, "task-names", task],
      staleTime: NAMES_MS,
      queryFn: async () => {
        try {
          return await answer(client.GET("/api/v1/workflows/{workflow}/tasks/{task}", { params: { path: { workflow, task } } }));
        } catch (error) {
          if (error instanceof ApiError && error.status === 404) return null;
          throw error;
        }
      },
    })),
  });
  const named = ids.map((id, index): [string, TaskName] => {
    const values = tasks[index]!.data;
    return [id, { label: values === undefined ? shortId(id) : taskLabel(id, fields ?? [], values as Record<string, unknown> | null), isGone: values === null }];
  });
  return new Map(named);
}
