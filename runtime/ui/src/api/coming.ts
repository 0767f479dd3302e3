// What the API is about to say, until its document says it: these types go when `schema.ts` has them.
import type { BulkRetry } from "../model/runs/filters";
import type { Document } from "../model/workflows/document";
import { type Schemas, answer, client } from "./client";

export type ExecutionDetail = Schemas["ExecutionDetail"] & { unique_id?: string | null };

export type ExecutionItem = Schemas["ExecutionItem"] & { unique_id?: string | null };

/** How an endpoint is doing, with what went wrong last. */
export type Endpoint = Schemas["Endpoint"] & { last_error?: { at: string; message: string } | null };

/** What became of executions that were retried together. */
export interface BulkRetried {
  accepted: number;
  refused: number;
  more: boolean;
  executions: ({ id: string; status: Schemas["Status"] } | { id: string; code: string; message: string })[];
}

export function bulkRetry(workflow: string, asked: BulkRetry): Promise<BulkRetried> {
  const path = "/api/v1/workflows/{workflow}/bulk_retries" as "/api/v1/workflows/{workflow}/bulk_executions";
  return answer(client.POST(path, { params: { path: { workflow } }, body: asked as never })) as Promise<unknown> as Promise<BulkRetried>;
}

/** A workflow of the list, with who manages it. */
export type ListedWorkflow = Schemas["Workflow"] & {
  archived?: boolean;
  managed_by?: "file" | "store";
  file?: string;
  version?: number;
};

export type DefinitionWithDocument = Schemas["Definition"] & { document?: Document };

export interface Setup {
  token: string;
  email: string;
  first_name: string;
  last_name: string;
  password: string;
}

interface Asked {
  method: "GET" | "POST" | "PUT";
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Asks what the generated client has no types for; its errors are the client's. */
async function ask<T>({ method, path, body, headers = {} }: Asked): Promise<T> {
  const request = {
    body,
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    bodySerializer: (it: unknown) => JSON.stringify(it),
  };
  const untyped = client as unknown as Record<string, (path: string, request: unknown) => Promise<{ data?: T; error?: unknown; response: Response }>>;
  return answer(untyped[method]!(`/api/v1${path}`, request));
}

export const isSetupNeeded = () => ask<{ needed: boolean }>({ method: "GET", path: "/setup" });

export const setUp = (setup: Setup) => ask<Schemas["SignedIn"]>({ method: "POST", path: "/setup", body: setup });

export const archivedWorkflows = async () => {
  const listed = await ask<ListedWorkflow[]>({ method: "GET", path: "/workflows?_archived=true" });
  return listed.filter((it) => it.archived);
};

export const archiveWorkflow = (id: string) => ask<ListedWorkflow>({ method: "POST", path: `/workflows/${encodeURIComponent(id)}/archive` });

export const unarchiveWorkflow = (id: string) => ask<ListedWorkflow>({ method: "POST", path: `/workflows/${encodeURIComponent(id)}/unarchive` });

export const importDocument = (document: Document) =>
  ask<DefinitionWithDocument>({ method: "POST", path: "/workflows/import", body: document });

/** Saves the next version of a workflow, made from `version`. */
export const saveDocument = (id: string, document: Document, version: number) =>
  ask<DefinitionWithDocument>({
    method: "PUT",
    path: `/workflows/${encodeURIComponent(id)}/definition`,
    body: document,
    headers: { "If-Match": `"${version}"` },
  });

/** How many tasks there are, and how many of them these tests hold for. */
export const countTasks = (workflow: string, where: Record<string, unknown>[]) =>
  ask<{ total: number; active: number; matching: number }>({
    method: "GET",
    path: `/workflows/${encodeURIComponent(workflow)}/task_counts?_where=${encodeURIComponent(JSON.stringify(where))}`,
  });
