// Definitions of workflows: as documents, with their versions, checked and tried before they are saved.
import { queryOptions } from "@tanstack/react-query";
import type { FlowDocument } from "../model/flow/document";
import { type Schemas, answer, client } from "./client";

/** With the document in the words of the Flow Builder's model, which knows more of it than its schema says. */
export type Definition = Omit<Schemas["Definition"], "document"> & { document: FlowDocument };
export type Stranded = Schemas["Validation"]["stranded"][number];
/** `path` is a JSON pointer into the document. */
export type DefinitionProblem = Omit<Schemas["Problem"], "path"> & { path?: string | null };
export type Finding = Omit<Schemas["Finding"], "path"> & { path?: string | null };
export type StepTrial = Schemas["StepTrial"];
export type StepType = Schemas["StepType"];

export interface Validation {
  valid: boolean;
  problems: DefinitionProblem[];
  stranded: Stranded[];
  findings: Finding[];
}

const asJson = { "Content-Type": "application/json" };

export const definitionQuery = (workflow: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "definition"],
    queryFn: async () => (await answer(client.GET("/api/v1/workflows/{workflow}/definition", { params: { path: { workflow } } }))) as unknown as Definition,
  });

export const versionsQuery = (workflow: string) =>
  queryOptions({
    queryKey: ["workflow", workflow, "versions"],
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/versions", { params: { path: { workflow } } })),
  });

export const differenceQuery = (workflow: string, before: number, after: number) =>
  queryOptions({
    queryKey: ["workflow", workflow, "difference", before, after],
    queryFn: () =>
      answer(client.GET("/api/v1/workflows/{workflow}/versions/{version}/diff", { params: { path: { workflow, version: String(after) }, query: { with: before } } })),
    // A version never changes.
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Saves a document as the version after `version`. */
export async function saveDocument(workflow: string, version: number, document: FlowDocument): Promise<Definition> {
  const header = { "If-Match": `"${version}"` };
  const asked = client.PUT("/api/v1/workflows/{workflow}/definition", { params: { path: { workflow }, header }, headers: asJson, body: document as never });
  return (await answer(asked)) as unknown as Definition;
}

export async function validateDocument(workflow: string, document: FlowDocument, signal: AbortSignal): Promise<Validation> {
  const asked = client.POST("/api/v1/workflows/{workflow}/definition/validate", { params: { path: { workflow } }, headers: asJson, body: document as never, signal });
  return (await answer(asked)) as unknown as Validation;
}

export async function restoreVersion(workflow: string, version: number, current: number): Promise<Definition> {
  const header = { "If-Match": `"${current}"` };
  const asked = client.POST("/api/v1/workflows/{workflow}/versions/{version}/restore", { params: { path: { workflow, version: String(version) }, header } });
  return (await answer(asked)) as unknown as Definition;
}

export interface TryStep {
  document?: FlowDocument;
  action: string;
  step: string;
  task_id: string;
  performed_by?: string | null;
  apply?: boolean;
}

/** Runs one step on a task, as the document has it or, without one, as it is saved. */
export async function tryStep(workflow: string, body: TryStep): Promise<StepTrial> {
  const post = client.POST as unknown as (path: string, options: object) => Promise<{ data?: StepTrial; error?: unknown; response: Response }>;
  return answer(post("/api/v1/workflows/{workflow}/step_tests", { params: { path: { workflow } }, body }));
}

/** Names of secrets, for whoever may see them; none for others. */
export const secretNamesQuery = queryOptions({
  queryKey: ["secret-names"],
  queryFn: async () => {
    const { data } = await client.GET("/api/v1/secrets");
    return (data ?? []).map((it) => it.name);
  },
  staleTime: 60_000,
});
