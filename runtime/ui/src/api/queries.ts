// What pages read from the server, by which keys it is kept, and which changes make it stale.
import { QueryClient, queryOptions } from "@tanstack/react-query";
import { ApiError, answer, client } from "./client";
import type { Change } from "./events";

const TRIES_MAX = 2;

export const queryClient = new QueryClient({
  defaultOptions: {
    // Whether the server is there is known by asking it, not by what the browser believes of the network.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      refetchOnReconnect: true,
      staleTime: 10_000,
      retry: (count, error) => count < TRIES_MAX && error instanceof ApiError && error.passes,
    },
  },
});

/** By whom all that is kept was read. */
let reader: string | undefined;

/** Somebody else who signs in where another one was is not shown what that one has read. */
function forgetOthers(user: string | undefined): void {
  if (reader !== undefined && user !== reader) queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
  reader = user;
}

/** Who is asking, and what they may do where; `null` for nobody. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async () => {
    try {
      const session = await answer(client.GET("/api/v1/session"));
      forgetOthers(session.user?.id);
      return session;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
});

export const workflowsQuery = queryOptions({
  queryKey: ["workflows"],
  queryFn: () => answer(client.GET("/api/v1/workflows")),
});

export const stepTypesQuery = queryOptions({
  queryKey: ["step-types"],
  queryFn: () => answer(client.GET("/api/v1/step-types")),
  staleTime: 60_000,
});

// Everything of one workflow is below ["workflow", id], so that one line makes all of it stale.

export const stagesQuery = (workflow: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "stages"],
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/stages", { params: { path: { workflow } } })),
  });

export const allActionsQuery = (workflow: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "all-actions"],
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/actions", { params: { path: { workflow } } })),
  });

export const fieldsQuery = (workflow: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "fields"],
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/fields", { params: { path: { workflow } } })),
  });

export const usersQuery = (workflow: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "users"],
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/users", { params: { path: { workflow } } })),
  });

const changed = new Set<(change: Change) => void>();

/** Calls `listener` with every change, for a page that reads anew in its own way. Returns how to stop that. */
export function onChange(listener: (change: Change) => void): () => void {
  changed.add(listener);
  return () => changed.delete(listener);
}

/** What a change makes stale. Lists of tasks and executions are read anew, the rest stays. */
export function staleAfter(change: Change): void {
  changed.forEach((listener) => listener(change));
  switch (change.kind) {
    case "task":
      stale(["workflow", change.workflow, "tasks"]);
      stale(["workflow", change.workflow, "task"]);
      break;
    case "execution":
      stale(["workflow", change.workflow, "executions"]);
      stale(["workflow", change.workflow, "task"]);
      break;
    case "workspace":
    case "reset":
      stale([]);
  }
}

// A busy server tells of many changes in a second, and each would begin anew what is being read: then nothing ever
// came. So the first one counts at once, and what comes while that is read counts together afterwards.

const GATHER_MS = 200;
/** So long one slow answer holds up the others; what is begun anew while it is read never comes. */
const READ_MS_MAX = 10_000;

const waiting = new Map<string, readonly string[]>();
let isReading = false;

function stale(queryKey: readonly string[]): void {
  waiting.set(queryKey.join("\n"), queryKey);
  if (!isReading) void readAnew();
}

async function readAnew(): Promise<void> {
  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
  isReading = true;
  while (waiting.size > 0) {
    const keys = [...waiting.values()];
    waiting.clear();
    const read = Promise.all(keys.map((queryKey) => queryClient.invalidateQueries({ queryKey })));
    await Promise.all([Promise.race([read, pause(READ_MS_MAX)]), pause(GATHER_MS)]);
  }
  isReading = false;
}
