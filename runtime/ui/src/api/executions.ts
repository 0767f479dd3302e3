// Executions as pages read them: a list that goes on, one with its attempts, and what a person decides about one.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { type BulkRetry, type Filters, type Query, listQuery } from "../model/runs/filters";
import { type Schemas, answer, client, whole } from "./client";

export type ExecutionDetail = Schemas["ExecutionDetail"];
export type ExecutionItem = Schemas["ExecutionItem"];
export type BulkRetried = Schemas["BulkRetry"];

const PAGE = 50;

/** Executions that are counted before all of them are retried: as many as are retried at once. */
export const RETRIED_MAX = 1000;

interface Page {
  items: ExecutionItem[];
  next: { cursor: string; query: Query } | null;
  /** The server has looked at as many as it may at a time: there may be more that match. */
  isShort: boolean;
}

async function page(workflow: string, query: Query, limit: number, cursor?: string, signal?: AbortSignal): Promise<Page> {
  const { data, headers } = await whole(
    client.GET("/api/v1/workflows/{workflow}/executions", {
      params: { path: { workflow }, query: { ...query, _limit: limit, ...(cursor !== undefined && { _cursor: cursor }) } },
      ...(signal && { signal }),
    }),
  );
  const next = headers.get("Onward-Next-Cursor");
  return { items: data, next: next ? { cursor: next, query } : null, isShort: headers.has("Onward-Short-Page") };
}

/** Newest first, page after page. A time that is counted back is counted from when the list is first read. */
export const executionsQuery = (workflow: string, filters: Filters) =>
  infiniteQueryOptions({
    queryKey: ["workflow", workflow, "executions", "list", filters],
    queryFn: ({ pageParam, signal }) =>
      pageParam ? page(workflow, pageParam.query, PAGE, pageParam.cursor, signal) : page(workflow, listQuery(filters, Date.now()), PAGE, undefined, signal),
    initialPageParam: null as Page["next"],
    getNextPageParam: (last) => last.next,
  });

export const executionQuery = (workflow: string, execution: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "executions", "one", execution],
    queryFn: async (): Promise<ExecutionDetail> =>
      answer(client.GET("/api/v1/workflows/{workflow}/executions/{execution}", { params: { path: { workflow, execution } } })),
  });

/**
 * How many executions a retry of all would take up, as far as that many are looked at. It is not among what changes of executions make
 * stale: it is dear, and a retry of many makes many changes.
 */
export const retriedCountQuery = (workflow: string, asked: BulkRetry) =>
  queryOptions({
    queryKey: ["workflow", workflow, "retried-count", asked],
    queryFn: async ({ signal }) => {
      const states = asked.state ? [asked.state] : (["failed", "unknown"] as const);
      const { state: _, ...query } = asked;
      const pages = await Promise.all(states.map((state) => page(workflow, { ...query, state }, RETRIED_MAX, undefined, signal)));
      return { count: pages.reduce((sum, it) => sum + it.items.length, 0), isMore: pages.some((it) => it.next !== null) };
    },
  });

export function retry(workflow: string, execution: string, version: "pinned" | "current"): Promise<Schemas["Execution"]> {
  return answer(client.POST("/api/v1/workflows/{workflow}/executions/{execution}/retry", { params: { path: { workflow, execution } }, body: { version } }));
}

export function cancel(workflow: string, execution: string): Promise<Schemas["Execution"]> {
  return answer(client.POST("/api/v1/workflows/{workflow}/executions/{execution}/cancel", { params: { path: { workflow, execution } } }));
}

export function dismiss(workflow: string, execution: string): Promise<Schemas["Execution"]> {
  return answer(client.POST("/api/v1/workflows/{workflow}/executions/{execution}/dismiss", { params: { path: { workflow, execution } } }));
}

/** Retries all that failed and match, as many as may be retried at once. */
export function bulkRetry(workflow: string, asked: BulkRetry): Promise<BulkRetried> {
  return answer(client.POST("/api/v1/workflows/{workflow}/bulk_retries", { params: { path: { workflow } }, body: asked }));
}
