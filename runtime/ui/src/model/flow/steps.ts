// The steps of an action: how they are added, changed and put in order, and what each says of itself in one line.
import { type Became, type FlowDocument, type Step, actionById, named, stepKey, stepsOf, unused } from "./document";
import { changeAction } from "./edit";

/** As much of a step type as is needed here. */
export interface StepTypeLike {
  id: string;
  name: string;
  category: string;
  summary?: string;
  schema?: unknown;
}

/** The step that somebody looks at: one of an action, or a new one of a type. */
export type OpenStep = { action: string; step: string } | { action: string; type: string };

/** A step as it is being typed, before it is applied. */
export interface TypedStep {
  open: OpenStep;
  step: Step;
}

/** Whether the action, and the step that is being changed, are still there. */
export function isThere(document: FlowDocument, open: OpenStep): boolean {
  const action = actionById(document, open.action);
  return action !== undefined && (!("step" in open) || stepsOf(action).some((it) => it.id === open.step));
}

/** The opened step, after parts of the document were saved by other ids. */
export function followOpen(open: OpenStep, became: Became): OpenStep {
  const action = became.get(`action:${open.action}`) ?? open.action;
  return "step" in open ? { action, step: became.get(stepKey(open.action, open.step)) ?? open.step } : { ...open, action };
}

/** The document with what was typed: in the place of the step that was opened, or as one more, by an id of its own. */
export function applied(document: FlowDocument, { open, step }: TypedStep): FlowDocument {
  if ("step" in open) return putStep(document, open.action, step);
  const action = actionById(document, open.action);
  const taken = action ? stepsOf(action).map((it) => it.id) : [];
  return putStep(document, open.action, { ...step, id: unused(step.id, taken, "-") });
}

/** A step that is not in its action yet: its name is that of its type. */
export function newStep(document: FlowDocument, actionId: string, type: StepTypeLike): Step {
  const action = actionById(document, actionId);
  return { ...named(type.name.replace(/[{}]/g, ""), action ? stepsOf(action) : []), type: type.id };
}

/** Puts a step in the place of the one with its id, or at the end. */
export function putStep(document: FlowDocument, actionId: string, step: Step): FlowDocument {
  const action = actionById(document, actionId);
  if (!action) return document;
  const steps = stepsOf(action);
  const isThere = steps.some((it) => it.id === step.id);
  return changeAction(document, actionId, { steps: isThere ? steps.map((it) => (it.id === step.id ? step : it)) : [...steps, step] });
}

export function removeStep(document: FlowDocument, actionId: string, stepId: string): FlowDocument {
  const action = actionById(document, actionId);
  return action ? changeAction(document, actionId, { steps: stepsOf(action).filter((it) => it.id !== stepId) }) : document;
}

/** Puts steps before or after another one. */
export function reorderSteps(document: FlowDocument, actionId: string, keys: string[], target: string, where: "before" | "after"): FlowDocument {
  const action = actionById(document, actionId);
  if (!action || keys.includes(target)) return document;
  const dragged = stepsOf(action).filter((it) => keys.includes(it.id));
  const rest = stepsOf(action).filter((it) => !keys.includes(it.id));
  const at = rest.findIndex((it) => it.id === target) + (where === "after" ? 1 : 0);
  return changeAction(document, actionId, { steps: [...rest.slice(0, at), ...dragged, ...rest.slice(at)] });
}

/** What a step does, in one line; `stage` where it names one, so that its dot can be shown. */
export interface Summary {
  text: string;
  stage?: string;
  /** Shown as a link is. */
  address?: string;
}

const text = (value: unknown): string => (typeof value === "string" ? value : typeof value === "number" ? String(value) : "");

export function summarize(step: Step, type: StepTypeLike | undefined): Summary {
  const own = type && step.name !== type.name && !new RegExp(`^${escaped(type.name)} \\d+$`).test(step.name) ? step.name : undefined;
  switch (step.type) {
    case "move_to_stage":
      return { text: "Move to", stage: text(step["stage"]) };
    case "schedule_stage_change":
      return { text: `In ${text(step["in"]) || "…"} move to`, stage: text(step["stage"]) };
    case "assign_to":
      return { text: `Assign to ${text(step["user"]) || "nobody"}` };
    case "update_data":
      return { text: `Update ${Object.keys((step["fields"] as object | undefined) ?? {}).join(", ") || "data"}` };
    case "delay":
      return { text: `Wait ${text(step["for"])}` };
    case "api_call":
      return own ? { text: own } : { text: "API call to", address: text(step["url"]) };
    default:
      return { text: own ?? type?.name ?? step.name };
  }
}

const escaped = (name: string) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export interface StepGroup<T extends StepTypeLike> {
  id: string;
  title: string;
  types: T[];
}

/** What most actions begin with stands first in its group; the rest goes by name. */
const FIRST = ["move_to_stage", "assign_to", "update_data", "delete_task", "schedule_stage_change", "api_call"];
const CATEGORIES = ["task", "timing", "flow", "integration"];
const TITLES: Record<string, string> = { task: "Task", timing: "Timing", flow: "Flow", integration: "Integrations" };

/** Step types in groups by their category: those that the product knows first, then the others' own. */
export function grouped<T extends StepTypeLike>(types: T[], search = ""): StepGroup<T>[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = types.filter((type) => {
    const said = `${type.name} ${type.id} ${type.summary ?? ""}`.toLowerCase();
    return words.every((word) => said.includes(word));
  });
  const place = ({ id }: T) => (FIRST.includes(id) ? FIRST.indexOf(id) : FIRST.length);
  found.sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
  const categories = [...new Set(found.map((it) => it.category))];
  const rank = (category: string) => (CATEGORIES.includes(category) ? CATEGORIES.indexOf(category) : CATEGORIES.length);
  categories.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return categories.map((category) => ({
    id: category,
    title: TITLES[category] ?? category.charAt(0).toUpperCase() + category.slice(1),
    types: found.filter((it) => it.category === category),
  }));
}
