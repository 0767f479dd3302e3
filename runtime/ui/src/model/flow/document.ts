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
export const rolesOf = (document: FlowDocument): Role[] => document.roles ?? [];
export const stepsOf = (action: Action): Step[] => action.steps ?? [];

export const stageById = (document: FlowDocument, id: string) => stagesOf(document).find((it) => it.id === id);
export const stageByName = (document: FlowDocument, name: unknown) => stagesOf(document).find((it) => it.name === name);
export const actionById = (document: FlowDocument, id: string) => actionsOf(document).find((it) => it.id === id);

/** The roles that every workflow has, then its own. */
export const roleNames = (document: FlowDocument): string[] => ["Administrator", "Collaborator", ...rolesOf(document).map((it) => it.name)];

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

/** Which ids became which: `stage:new-stage` became `review`; a step is called by its action's id, too, as that was before. */
export type Became = Map<string, string>;

export const stepKey = (action: string, step = "") => `step:${action}:${step}`;

/** The document as it is to be saved after `base`: what is new gets an id made from its name. */
export function settle(document: FlowDocument, base: FlowDocument): { document: FlowDocument; became: Became } {
  const became: Became = new Map();
  const settle = <T extends Named>(key: string, parts: T[], saved: Named[]): T[] => {
    const done = settled(parts, saved);
    for (const [from, to] of done.became) became.set(key + from, to);
    return done.parts;
  };
  const stages = settle("stage:", stagesOf(document), stagesOf(base));
  const fields = settle("field:", fieldsOf(document), fieldsOf(base));
  const roles = document.roles && settle("role:", document.roles, rolesOf(base));
  const own = actionsOf(document).map((action) => {
    const before = actionById(base, action.id);
    return action.steps ? { ...action, steps: settle(stepKey(action.id), action.steps, before ? stepsOf(before) : []) } : action;
  });
  const actions = settle("action:", own, actionsOf(base));
  return { document: { ...document, fields, stages, ...(roles && { roles }), actions }, became };
}

/** Another state of what was saved, with the ids that its parts have since: so that it is still the same parts that it speaks of. */
export function follow(document: FlowDocument, became: Became): FlowDocument {
  const followed = <T extends Named>(key: string, parts: T[]): T[] => {
    const given = new Set(parts.flatMap((it) => became.get(key + it.id) ?? []));
    const taken = new Set([...given, ...parts.map((it) => it.id)]);
    return parts.map((part) => {
      // A part that was never saved makes way for the one that has its id by now.
      const id = became.get(key + part.id) ?? (given.has(part.id) ? unused(part.id, taken, "-") : part.id);
      taken.add(id);
      return id === part.id ? part : { ...part, id };
    });
  };
  const own = actionsOf(document).map((it) => (it.steps ? { ...it, steps: followed(stepKey(it.id), it.steps) } : it));
  return {
    ...document,
    ...(document.fields && { fields: followed("field:", document.fields) }),
    ...(document.stages && { stages: followed("stage:", document.stages) }),
    ...(document.roles && { roles: followed("role:", document.roles) }),
    ...(document.actions && { actions: followed("action:", own) }),
  };
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
