// API keys: what they may do, how long, and how one is used.

export const SCOPES = [
  { id: "read", name: "Read", detail: "See workflows, tasks and executions" },
  { id: "edit", name: "Edit", detail: "Make, change and delete tasks" },
  { id: "perform", name: "Perform", detail: "Perform actions, retry and cancel" },
  { id: "administer", name: "Administer", detail: "Change workflows; for all workflows also people, keys and secrets" },
] as const;

export type Scope = (typeof SCOPES)[number]["id"];

export const LIFETIMES = [
  { id: "never", name: "Never" },
  { id: "30", name: "In 30 days" },
  { id: "90", name: "In 90 days" },
  { id: "365", name: "In a year" },
  { id: "date", name: "On a date" },
] as const;

export type Lifetime = (typeof LIFETIMES)[number]["id"];

const DAY_MS = 86_400_000;

/** When a key ends: `null` for never, `undefined` where the date is none to come. A date counts to its last minute. */
export function endOf(lifetime: Lifetime, date: string, now: number): string | null | undefined {
  if (lifetime === "never") return null;
  if (lifetime !== "date") return new Date(now + Number(lifetime) * DAY_MS).toISOString();
  const end = new Date(`${date}T23:59:59`).getTime();
  return Number.isNaN(end) || end <= now ? undefined : new Date(end).toISOString();
}

export interface NewKey {
  name: string;
  scopes: Scope[];
  /** `null` for all. */
  workflows: string[] | null;
}

/** What is wrong with a key that is to be made; `undefined` where nothing is. */
export function keyProblem({ scopes, workflows }: NewKey): string | undefined {
  if (scopes.length === 0) return "Choose at least one thing that the key may do.";
  if (workflows?.length === 0) return "Choose at least one workflow, or all of them.";
  return undefined;
}

/** A command that shows that a key works: the tasks of its first workflow, or the workflows. */
export function example(server: string, key: string, workflow: string | undefined): string {
  const path = workflow ? `/workflows/${encodeURIComponent(workflow)}/tasks/active` : "/workflows";
  return `curl ${server}/api/v1${path} \\\n  -H 'Authorization: Bearer ${key}'`;
}
