// What can be done to stages, actions and the arrows between them: each a function from a document to the next one.
import { type Action, type FlowDocument, type Position, type Stage, type Step, actionById, actionsOf, named, stageById, stagesOf, stepsOf } from "./document";
import { renameStageEverywhere } from "./rename";

export const MOVE = "move_to_stage";
const LATER = "schedule_stage_change";

/** Whether a step moves the task to a stage, at once or later. */
export const movesTo = (step: Step, stage: Stage): boolean => (step.type === MOVE || step.type === LATER) && step["stage"] === stage.name;

/** Something on the canvas. */
export type Thing = { kind: "stage" | "action"; id: string };

export interface Made {
  document: FlowDocument;
  id: string;
}

/** The colours that new stages take, one after the other. */
const NEXT_COLORS = ["gray", "yellow", "blue", "purple", "orange", "teal", "pink", "green"];

const replaced = <T extends { id: string }>(parts: T[], id: string, change: (part: T) => T): T[] =>
  parts.map((part) => (part.id === id ? change(part) : part));

/** Without the keys whose value is undefined: a key that is left out counts as its default. */
export function tidy<T extends object>(part: T): T {
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as T;
}

export function changeStage(document: FlowDocument, id: string, change: Partial<Stage>): FlowDocument {
  return { ...document, stages: replaced(stagesOf(document), id, (it) => tidy({ ...it, ...change })) };
}

export function changeAction(document: FlowDocument, id: string, change: { [K in keyof Action]?: Action[K] | undefined }): FlowDocument {
  return { ...document, actions: replaced(actionsOf(document), id, (it) => tidy({ ...it, ...change } as Action)) };
}

export function addStage(document: FlowDocument, position?: Position, name = "New stage"): Made {
  const stages = stagesOf(document);
  const own = named(name, stages);
  const stage: Stage = { ...own, color: NEXT_COLORS[stages.length % NEXT_COLORS.length]!, ...(position && { position }) };
  return { document: { ...document, stages: [...stages, stage] }, id: own.id };
}

/** A new action, offered in the stages `from`, moving to the stage `to` where that is said. */
export function addAction(document: FlowDocument, options: { from?: string[]; to?: string; position?: Position; name?: string } = {}): Made {
  const { from = [], to, position, name } = options;
  const target = to === undefined ? undefined : stageById(document, to);
  const own = named(name ?? (target ? `Move to ${target.name}` : "New action"), actionsOf(document));
  const names = from.flatMap((id) => stageById(document, id)?.name ?? []);
  const action: Action = { ...own, color: target?.color ?? "blue", from: names, ...(position && { position }), steps: target ? [moveStep([], target)] : [] };
  return { document: { ...document, actions: [...actionsOf(document), action] }, id: own.id };
}

function moveStep(steps: Step[], target: Stage): Step {
  return { ...named("Move to stage", steps), type: MOVE, stage: target.name };
}

/** A copy of an action, beside it. */
export function duplicateAction(document: FlowDocument, id: string): Made | undefined {
  const action = actionById(document, id);
  if (!action) return undefined;
  const own = named(`${action.name} copy`, actionsOf(document));
  const position: Position | undefined = action.position && [action.position[0] + 40, action.position[1] + 40];
  const copy = tidy({ ...structuredClone(action), ...own, position }) as Action;
  return { document: { ...document, actions: [...actionsOf(document), copy] }, id: own.id };
}

export function renameStage(document: FlowDocument, id: string, name: string): FlowDocument {
  const stage = stageById(document, id);
  if (!stage || stage.name === name) return document;
  return changeStage(renameStageEverywhere(document, stage.name, name), id, { name });
}

/** Roles name the actions that they may perform. */
export function renameAction(document: FlowDocument, id: string, name: string): FlowDocument {
  const action = actionById(document, id);
  if (!action || action.name === name) return document;
  const next = changeAction(document, id, { name });
  const perform = (names: string[]) => names.map((it) => (it === action.name ? name : it));
  return next.roles ? { ...next, roles: next.roles.map((role) => (role.perform ? { ...role, perform: perform(role.perform) } : role)) } : next;
}

/** Without a stage, and without the arrows from and to it: it is offered nowhere, and nothing moves to it. */
export function removeStage(document: FlowDocument, id: string): FlowDocument {
  const stage = stageById(document, id);
  if (!stage) return document;
  const actions = actionsOf(document).map((action) => ({
    ...action,
    from: action.from.filter((name) => name !== stage.name),
    ...(action.steps && { steps: action.steps.filter((step) => !movesTo(step, stage)) }),
  }));
  return { ...document, stages: stagesOf(document).filter((it) => it.id !== id), actions };
}

export function removeAction(document: FlowDocument, id: string): FlowDocument {
  const action = actionById(document, id);
  if (!action) return document;
  const next = { ...document, actions: actionsOf(document).filter((it) => it.id !== id) };
  return next.roles ? { ...next, roles: next.roles.map((role) => (role.perform ? { ...role, perform: role.perform.filter((it) => it !== action.name) } : role)) } : next;
}

export function remove(document: FlowDocument, things: Thing[]): FlowDocument {
  return things.reduce((next, thing) => (thing.kind === "stage" ? removeStage(next, thing.id) : removeAction(next, thing.id)), document);
}

/** A stage takes another one's place: what tasks hold of the one that goes counts for it from the next version on. */
export function takePlaceOf(document: FlowDocument, removedId: string, stageId: string): FlowDocument {
  return { ...document, stages: replaced(stagesOf(document), stageId, (it) => ({ ...it, id: removedId })) };
}

/** Whether an arrow can be drawn between two things. */
export function canConnect(from: Thing, to: Thing): boolean {
  return !(from.kind === "action" && to.kind === "action");
}

/**
 * An arrow is drawn. From stage to stage it makes an action between them; from a stage to an action, the action is
 * offered there; from an action to a stage, the action moves there. `made` is the action that is new.
 */
export function connect(document: FlowDocument, from: Thing, to: Thing, position?: Position): { document: FlowDocument; made?: string } {
  if (from.kind === "stage" && to.kind === "stage") {
    const added = addAction(document, { from: [from.id], to: to.id, ...(position && { position }) });
    return { document: added.document, made: added.id };
  }
  if (from.kind === "stage") return { document: offer(document, to.id, from.id, true) };
  if (to.kind === "stage") return { document: moveTo(document, from.id, to.id) };
  return { document };
}

/** Whether an action is offered in a stage. */
export function offer(document: FlowDocument, actionId: string, stageId: string, isOffered: boolean): FlowDocument {
  const [action, stage] = [actionById(document, actionId), stageById(document, stageId)];
  if (!action || !stage || action.from.includes(stage.name) === isOffered) return document;
  const from = isOffered ? inOrder(document, [...action.from, stage.name]) : action.from.filter((it) => it !== stage.name);
  return changeAction(document, actionId, { from });
}

function inOrder(document: FlowDocument, names: string[]): string[] {
  const order = stagesOf(document).map((it) => it.name);
  return [...names].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** An action moves to a stage: its last move is changed, or a move is added at the end. */
export function moveTo(document: FlowDocument, actionId: string, stageId: string): FlowDocument {
  const [action, stage] = [actionById(document, actionId), stageById(document, stageId)];
  if (!action || !stage) return document;
  const steps = stepsOf(action);
  const last = steps.findLast((it) => it.type === MOVE);
  const next = last ? replaced(steps, last.id, (it) => ({ ...it, stage: stage.name })) : [...steps, moveStep(steps, stage)];
  return changeAction(document, actionId, { steps: next });
}

/** The order of stages counts: a new task begins in the first. */
export function moveStage(document: FlowDocument, id: string, to: number): FlowDocument {
  return { ...document, stages: moved(stagesOf(document), id, to) };
}

/** The list with one part of it at another place. */
export function moved<T extends { id: string }>(parts: T[], id: string, to: number): T[] {
  const part = parts.find((it) => it.id === id);
  if (!part) return parts;
  const rest = parts.filter((it) => it.id !== id);
  const at = Math.max(0, Math.min(to, rest.length));
  return [...rest.slice(0, at), part, ...rest.slice(at)];
}
