// What the API is about to say, until its document says it: these types go when `schema.ts` has them.
import type { BulkRetry } from "../model/runs/filters";
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
