// A workflow as the Flow Builder has it: the workflow file as JSON, every id written; and how parts of it are found and named.

export interface Field {
  id: string;
  name: string;
  type: string;
  required?: boolean;
  editable?: boolean;
  options?: string[];
  autoincrement?: boolean;
  limit?: number;
}

export type Position = [x: number, y: number];

export type ChecklistItem = string | { title: string; id?: string };

export interface Stage {
  id: string;
  name: string;
  color?: string;
  end?: boolean;
  checklist?: ChecklistItem[];
  position?: Position;
}

export interface Role {
  id: string;
  name: string;
  admin?: boolean;
  view?: boolean;
  edit?: boolean;
  perform?: string[];
}

/** A field and one operator. */
export interface Test {
  field: string;
  [operator: string]: unknown;
}

export interface Condition {
  message: string;
  all?: Test[];
  any?: Test[];
}

export interface Requires {
  fields?: string[];
  checklist?: boolean;
  assigned?: boolean;
  roles?: string[];
  conditions?: Condition[];
}

export interface Step {
  id: string;
  name: string;
  type: string;
  [parameter: string]: unknown;
}

export type After = "stay" | "list" | "next";

export interface Action {
  id: string;
  name: string;
  color?: string;
  from: string[];
  requires?: Requires;
  on_failure?: "keep" | "revert";
  confirm?: string;
  after?: After;
  celebrate?: boolean;
  position?: Position;
  steps?: Step[];
}

export interface FlowDocument {
  id: string;
  name: string;
  fields?: Field[];
  stages?: Stage[];
  roles?: Role[];
  actions?: Action[];
  alerts?: unknown;
}

export const fieldsOf = (document: FlowDocument): Field[] => document.fields ?? [];
export const stagesOf = (document: FlowDocument): Stage[] => document.stages ?? [];
export const actionsOf = (document: FlowDocument): Action[] => document.actions ?? [];
export const stepsOf = (action: Action): Step[] => action.steps ?? [];

export const stageById = (document: FlowDocument, id: string) => stagesOf(document).find((it) => it.id === id);
export const stageByName = (document: FlowDocument, name: unknown) => stagesOf(document).find((it) => it.name === name);
export const actionById = (document: FlowDocument, id: string) => actionsOf(document).find((it) => it.id === id);

/** The roles that every workflow has, then its own. */
export const roleNames = (document: FlowDocument): string[] => ["Administrator", "Collaborator", ...(document.roles ?? []).map((it) => it.name)];

/** An id made from a name: what the server would make of it. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "");
}

/** `wanted`, or `wanted` with the first number that is not taken. */
export function unused(wanted: string, taken: Iterable<string>, joint = " "): string {
  const all = new Set(taken);
  if (!all.has(wanted)) return wanted;
  let number = 2;
  while (all.has(`${wanted}${joint}${number}`)) number++;
  return `${wanted}${joint}${number}`;
}

interface Named {
  id: string;
  name: string;
}

/** A name and an id that none of `parts` has. */
export function named(wanted: string, parts: Named[]): Named {
  const name = unused(wanted, parts.map((it) => it.name));
  return { name, id: unused(slug(name) || "part", parts.map((it) => it.id), "-") };
}

/** Parts that are not saved yet get the ids that their names ask for by now. Says which became which. */
function settled<T extends Named>(parts: T[], saved: Named[]): { parts: T[]; became: Map<string, string> } {
  const became = new Map<string, string>();
  const known = new Set(saved.map((it) => it.id));
  const taken = new Set([...known, ...parts.filter((it) => known.has(it.id)).map((it) => it.id)]);
  const settledParts = parts.map((part) => {
    if (known.has(part.id)) return part;
    const id = unused(slug(part.name) || part.id, taken, "-");
    taken.add(id);
    became.set(part.id, id);
    return id === part.id ? part : { ...part, id };
  });
  return { parts: settledParts, became };
}

/** The document as it is to be saved after `base`: what is new gets an id made from its name. */
export function settle(document: FlowDocument, base: FlowDocument): { document: FlowDocument; became: Map<string, string> } {
  const stages = settled(stagesOf(document), stagesOf(base));
  const actions = settled(actionsOf(document), actionsOf(base));
  const withSteps = actions.parts.map((action) => {
    const before = actionById(base, action.id);
    return action.steps ? { ...action, steps: settled(action.steps, before ? stepsOf(before) : []).parts } : action;
  });
  const became = new Map([
    ...[...stages.became].map(([from, to]) => [`stage:${from}`, `stage:${to}`] as const),
    ...[...actions.became].map(([from, to]) => [`action:${from}`, `action:${to}`] as const),
  ]);
  const fields = settled(fieldsOf(document), fieldsOf(base)).parts;
  return { document: { ...document, fields, stages: stages.parts, actions: withSteps }, became };
}

/** Whether two documents, or parts of them, say the same, whatever the order of their keys. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  if (Array.isArray(one) || Array.isArray(other)) {
    return Array.isArray(one) && Array.isArray(other) && one.length === other.length && one.every((it, at) => same(it, other[at]));
  }
  const keys = (it: object) => Object.keys(it).filter((key) => (it as Record<string, unknown>)[key] !== undefined);
  const [a, b] = [keys(one), keys(other)];
  return a.length === b.length && a.every((key) => same((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]));
}
