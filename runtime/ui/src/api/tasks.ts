// What the pages of tasks read and write: lists by pages, one task with all that belongs to it, and what is done with it.
import { queryOptions } from "@tanstack/react-query";
import { type Field, type Task, addressOf } from "../model/tasks/columns";
import type { Query } from "../model/tasks/view";
import { ApiError, type Schemas, answer, client, whole } from "./client";
import type { ExecutionDetail, ExecutionItem } from "./executions";

export type TaskAction = Schemas["TaskAction"];

/** A page of a list, and where the next one begins. */
export interface TaskPage {
  rows: Task[];
  next: string | null;
}

export interface Asked {
  active: boolean;
  query: Query;
}

export async function readTasks(workflow: string, { active, query }: Asked, cursor: string | undefined, limit: number, signal?: AbortSignal): Promise<TaskPage> {
  const params = { path: { workflow }, query: { ...query, _limit: limit, ...(cursor && { _cursor: cursor }) } };
  const asked = { params, ...(signal && { signal }) };
  const { data, headers } = await whole(
    active ? client.GET("/api/v1/workflows/{workflow}/tasks/active", asked) : client.GET("/api/v1/workflows/{workflow}/tasks", asked),
  );
  return { rows: data as Task[], next: headers.get("Onward-Next-Cursor") };
}

/** How many there are, by stages and by who has them. */
export const countsOf = (workflow: string, query: Query) =>
  queryOptions({
    queryKey: ["workflow", workflow, "tasks", "counts", query],
    queryFn: ({ signal }) => answer(client.GET("/api/v1/workflows/{workflow}/task_counts", { params: { path: { workflow }, query }, signal })),
  });

// All of one task is below ["workflow", id, "task"], so that a change of it makes all of it stale.

const below = (workflow: string, task: string, what: string) => ["workflow", workflow, "task", task, what] as const;
const path = (workflow: string, task: string) => ({ params: { path: { workflow, task } } });

export const taskQuery = (workflow: string, task: string) =>
  queryOptions({
    queryKey: below(workflow, task, "values"),
    queryFn: async () => {
      const { data, headers } = await whole(client.GET("/api/v1/workflows/{workflow}/tasks/{task}", path(workflow, task)));
      ids.set(`${workflow}/${task}`, headers.get("Onward-Task-Id") ?? task);
      return data as Task;
    },
  });

/** The ids of tasks by the addresses at which they were read. */
const ids = new Map<string, string>();

/** The task at an address is the one that was at another. */
export function keepId(workflow: string, from: string, to: string): void {
  const id = ids.get(`${workflow}/${from}`);
  if (id !== undefined) ids.set(`${workflow}/${to}`, id);
}

/** Where a task is by now that was read at an address and is not there any more; `null` if it is nowhere. */
export const movedQuery = (workflow: string, task: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "moved-task", task],
    queryFn: async () => {
      const id = ids.get(`${workflow}/${task}`);
      if (id === undefined || id === task) return null;
      try {
        return addressOf((await answer(client.GET("/api/v1/workflows/{workflow}/tasks/{task}", path(workflow, id)))) as Task);
      } catch (error) {
        if (error instanceof ApiError && error.code === "task_not_found") return null;
        throw error;
      }
    },
  });

/** Everything that a task's stage offers, with what stands against it. */
export const actionsQuery = (workflow: string, task: string) =>
  queryOptions({
    queryKey: below(workflow, task, "actions"),
    queryFn: async () => {
      const params = { path: { workflow, task }, query: { _unmet: true } };
      return answer(client.GET("/api/v1/workflows/{workflow}/tasks/{task}/actions", { params }));
    },
  });

export const historyQuery = (workflow: string, task: string) =>
  queryOptions({
    queryKey: below(workflow, task, "history"),
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/tasks/{task}/history", path(workflow, task))),
  });

export const commentsQuery = (workflow: string, task: string) =>
  queryOptions({
    queryKey: below(workflow, task, "comments"),
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/tasks/{task}/comments", path(workflow, task))),
  });

export const checklistQuery = (workflow: string, task: string) =>
  queryOptions({
    queryKey: below(workflow, task, "checklist"),
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/tasks/{task}/checklist_items", path(workflow, task))),
  });

/** The stage change that is to come; `null` where there is none. */
export const scheduleQuery = (workflow: string, task: string) =>
  queryOptions({
    queryKey: below(workflow, task, "schedule"),
    queryFn: async () => {
      try {
        return await answer(client.GET("/api/v1/workflows/{workflow}/tasks/{task}/schedule", path(workflow, task)));
      } catch (error) {
        if (error instanceof ApiError && error.code === "schedule_not_found") return null;
        throw error;
      }
    },
  });

/** Executions of a task that its page knows of. */
export const EXECUTIONS_MAX = 50;

export const taskExecutionsQuery = (workflow: string, task: string) =>
  queryOptions({
    queryKey: below(workflow, task, "executions"),
    queryFn: async () => {
      const query = { task, _limit: EXECUTIONS_MAX };
      return (await answer(client.GET("/api/v1/workflows/{workflow}/executions", { params: { path: { workflow }, query } }))) as ExecutionItem[];
    },
  });

/** While it goes on it is asked for again also without being told: streams may be away. */
const ASK_AGAIN_MS = 2000;

export const taskExecutionQuery = (workflow: string, task: string, execution: string) =>
  queryOptions({
    queryKey: [...below(workflow, task, "execution"), execution],
    queryFn: async () =>
      (await answer(client.GET("/api/v1/workflows/{workflow}/executions/{execution}", { params: { path: { workflow, execution } } }))) as ExecutionDetail,
    refetchInterval: ({ state }) => (state.data?.status === "Pending" ? ASK_AGAIN_MS : false),
  });

/** Writes values of a task. What is wrong with them is in the error's `fields`. */
export async function writeTask(workflow: string, task: string, values: Record<string, unknown>): Promise<Task> {
  return (await answer(client.PUT("/api/v1/workflows/{workflow}/tasks/{task}", { ...path(workflow, task), body: values as Schemas["TaskValues"] }))) as Task;
}

/** Makes a task; never changes one that has its Unique ID. */
export async function makeTask(workflow: string, fields: Field[], values: Record<string, unknown>): Promise<Task> {
  const body = values as Schemas["TaskValues"];
  try {
    return (await answer(client.POST("/api/v1/workflows/{workflow}/tasks", { params: { path: { workflow }, header: { "If-None-Match": "*" } }, body }))) as Task;
  } catch (error) {
    const unique = fields.find((it) => it.type === "uniqueId");
    if (!(error instanceof ApiError && error.code === "task_exists" && unique)) throw error;
    throw new ApiError(error.status, error.code, error.message, { errors: { [unique.name]: ["is taken by another task"] } });
  }
}

/** Performs an action. Sent again with the same key it is the same execution. */
export async function perform(workflow: string, task: string, action: string, key: string): Promise<Schemas["Execution"]> {
  return answer(
    client.POST("/api/v1/workflows/{workflow}/executions", {
      params: { path: { workflow }, header: { "Idempotency-Key": key } },
      body: { task_id: task, action_id: action },
    }),
  );
}

/** A key that nobody else makes; also where the page did not come by https. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `ui-${Array.from(bytes, (it) => it.toString(16).padStart(2, "0")).join("")}`;
}
