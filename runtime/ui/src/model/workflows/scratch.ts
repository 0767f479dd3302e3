// A workflow from scratch: three stages, and the two actions that lead a task through them.
import { type Action, type FlowDocument, type Stage, slug } from "../flow/document";

/** Characters of a workflow's name. */
export const NAME_CHARS_MAX = 100;

/** How far below each other stages and actions stand on the canvas. */
const STRIDE = 90;

/** What is wrong with a workflow's name; `undefined` where nothing is. */
export function nameProblem(name: string): string | undefined {
  const kept = name.trim();
  if (/[{}]/.test(kept)) return "A name has no braces.";
  if ([...kept].length > NAME_CHARS_MAX) return `A name has at most ${NAME_CHARS_MAX} characters.`;
  if (kept && !slug(kept)) return "A name has at least one letter or digit.";
  return undefined;
}

const stage = (name: string, color: string, row: number, more: Partial<Stage> = {}): Stage => ({
  name,
  id: slug(name),
  color,
  position: [0, row * STRIDE],
  ...more,
});

const move = (name: string, color: string, from: string, to: string, row: number): Action => ({
  name,
  id: slug(name),
  color,
  from: [from],
  position: [0, row * STRIDE],
  steps: [{ type: "move_to_stage", id: "move-to-stage", name: "Move to stage", stage: to }],
});

/** A new workflow: a task is named, begins in Not Started, is started, and is finished. */
export function fromScratch(name: string): FlowDocument {
  const kept = name.trim();
  return {
    name: kept,
    id: slug(kept),
    fields: [{ name: "Name", id: "name", type: "text" }],
    stages: [stage("Not Started", "gray", 0), stage("In Progress", "yellow", 2), stage("Done", "green", 4, { end: true })],
    actions: [
      move("Start", "yellow", "Not Started", "In Progress", 1),
      move("Finish", "green", "In Progress", "Done", 3),
    ],
  };
}

/** The same workflow under another name; its id, and with it all data, stays. */
export function renamed(document: FlowDocument, name: string): FlowDocument {
  return { ...document, name: name.trim() };
}
