// What is wrong with a document, beside the thing that it concerns: by JSON pointers into it.
import { type FlowDocument, actionsOf, fieldsOf, rolesOf, stagesOf, stepsOf } from "./document";

export interface Problem {
  /** A JSON pointer; "" for the whole; null where nobody could say. */
  path?: string | null;
  message: string;
  help?: string | null;
  level: "problem" | "finding";
}

/** The thing that a problem concerns. */
export type Concerns =
  | { kind: "workflow" }
  | { kind: "field" | "role"; id: string; name: string; at: string }
  | { kind: "stage"; id: string; name: string; at: string }
  | { kind: "action"; id: string; name: string; at: string; step?: { id: string; name: string } };

/** The parts of a JSON pointer. */
export function tokens(path: string): string[] {
  return path.split("/").slice(1).map((it) => it.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The JSON pointer of parts. */
export const pointer = (parts: (string | number)[]): string => parts.map((it) => `/${String(it).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** What a problem concerns; `at` is the pointer from there on, such as `/url`. */
export function concerned(document: FlowDocument, path: string | null | undefined): Concerns {
  const [list, index = "", ...rest] = tokens(path ?? "");
  const part = <T>(parts: T[]): T | undefined => (/^\d+$/.test(index) ? parts[Number(index)] : undefined);
  switch (list) {
    case "fields": {
      const field = part(fieldsOf(document));
      return field ? { kind: "field", id: field.id, name: field.name, at: pointer(rest) } : { kind: "workflow" };
    }
    case "roles": {
      const role = part(rolesOf(document));
      return role ? { kind: "role", id: role.id, name: role.name, at: pointer(rest) } : { kind: "workflow" };
    }
    case "stages": {
      const stage = part(stagesOf(document));
      return stage ? { kind: "stage", id: stage.id, name: stage.name, at: pointer(rest) } : { kind: "workflow" };
    }
    case "actions": {
      const action = part(actionsOf(document));
      if (!action) return { kind: "workflow" };
      const own = { kind: "action", id: action.id, name: action.name } as const;
      const step = rest[0] === "steps" ? stepsOf(action)[Number(rest[1])] : undefined;
      return step ? { ...own, step: { id: step.id, name: step.name }, at: pointer(rest.slice(2)) } : { ...own, at: pointer(rest) };
    }
    default:
      return { kind: "workflow" };
  }
}

/** Where it is, in words. */
export function whereabouts(concerns: Concerns): string {
  switch (concerns.kind) {
    case "workflow":
      return "The workflow";
    case "field":
      return `Field “${concerns.name}”`;
    case "role":
      return `Role “${concerns.name}”`;
    case "stage":
      return `Stage “${concerns.name}”`;
    case "action":
      return concerns.step ? `“${concerns.name}”, step “${concerns.step.name}”` : `Action “${concerns.name}”`;
  }
}

export interface Placed extends Problem {
  concerns: Concerns;
}

export const located = (document: FlowDocument, problems: Problem[]): Placed[] => problems.map((it) => ({ ...it, concerns: concerned(document, it.path) }));

/** Those that concern a stage, an action, or one step of it. */
export function about(problems: Placed[], kind: "stage" | "action" | "field" | "role", id: string, step?: string): Placed[] {
  return problems.filter(({ concerns }) => concerns.kind === kind && concerns.id === id && (step === undefined || (concerns.kind === "action" && concerns.step?.id === step)));
}

/** Those that concern an action itself, none of its steps; below `at` where it is said. */
export function ofItself(problems: Placed[], id: string, at = ""): Placed[] {
  return about(problems, "action", id).filter(({ concerns }) => concerns.kind === "action" && !concerns.step && concerns.at.startsWith(at));
}

/** Tasks that a version would strand: what is in the way, and what to do about it here. */
export function strandedWords(it: { code: string; name: string | null; tasks: number; message: string }): string {
  const tasks = it.tasks === 1 ? "1 task" : `${it.tasks} tasks`;
  const verb = it.tasks === 1 ? "is" : "are";
  switch (it.code) {
    case "stage_in_use":
      return `${tasks} ${verb} in the stage “${it.name}”, or to be moved there. Move them elsewhere first, or give the stage another name instead of removing it.`;
    case "values_break_type":
      return `${tasks} ${it.tasks === 1 ? "has" : "have"} a value for “${it.name}” that its new type does not take. Change those first, or add another field.`;
    case "unique_id_in_use":
      return `${tasks} ${verb} known by another value than the new Unique ID “${it.name ?? "none"}” would have. Keep the old one.`;
    default:
      return it.message;
  }
}
