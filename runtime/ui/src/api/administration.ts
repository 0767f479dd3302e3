// What the pages of administrators read: people, links, keys, secrets, roles, and who has set the server up.
import { queryOptions } from "@tanstack/react-query";
import type { FlowDocument } from "../model/flow/document";
import { type Schemas, answer, client, whole } from "./client";

export type ListedWorkflow = Schemas["Workflow"];

export const peopleQuery = queryOptions({
  queryKey: ["people"],
  queryFn: () => answer(client.GET("/api/v1/users")),
});

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: () => answer(client.GET("/api/v1/invitations")),
});

export const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: () => answer(client.GET("/api/v1/keys")),
});

export const secretsQuery = queryOptions({
  queryKey: ["secrets"],
  queryFn: () => answer(client.GET("/api/v1/secrets")),
});

export const rolesQuery = (workflow: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "roles"],
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/roles", { params: { path: { workflow } } })),
  });

export const archivedQuery = queryOptions({
  queryKey: ["workflows", "archived"],
  queryFn: () => answer(client.GET("/api/v1/workflows", { params: { query: { _archived: true } } })),
});

/** Whether nobody has set the server up yet. */
export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: () => answer(client.GET("/api/v1/setup")),
  staleTime: Infinity,
});

/** Whose link it is. */
export const invitedQuery = (token: string) =>
  queryOptions({
    queryKey: ["invited", token],
    queryFn: () => answer(client.POST("/api/v1/invitations/look", { body: { token } })),
    staleTime: Infinity,
  });

/** A workflow's file. */
export async function exportWorkflow(workflow: string): Promise<string> {
  const asked = client.GET("/api/v1/workflows/{workflow}/definition", {
    params: { path: { workflow } },
    headers: { accept: "application/toml" },
    parseAs: "text",
  });
  return (await whole(asked)).data as unknown as string;
}

/** Makes a workflow of a file's text. */
export function importToml(text: string) {
  return answer(
    client.POST("/api/v1/workflows/import", {
      // The route takes a document as well, which alone the types are about.
      body: text as never,
      bodySerializer: String,
      headers: { "content-type": "application/toml" },
    }),
  );
}

/** Makes a workflow of a document. */
export function importDocument(document: FlowDocument) {
  const headers = { "content-type": "application/json" };
  return answer(client.POST("/api/v1/workflows/import", { headers, body: document as never }));
}

export function archiveWorkflow(workflow: string) {
  return answer(client.POST("/api/v1/workflows/{workflow}/archive", { params: { path: { workflow } } }));
}

export function unarchiveWorkflow(workflow: string) {
  return answer(client.POST("/api/v1/workflows/{workflow}/unarchive", { params: { path: { workflow } } }));
}

/** Makes the administrator of a server that has nobody yet; who does is signed in. */
export const setUp = (body: Schemas["SetUp"]) => answer(client.POST("/api/v1/setup", { body }));
