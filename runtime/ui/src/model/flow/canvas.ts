// The canvas as data: nodes for stages and actions, edges for what leads where. The document is the truth; this is how it looks.
import { type Action, type FlowDocument, type Position, type Stage, actionsOf, stagesOf, stageByName, stepsOf } from "./document";
import { MOVE, type Thing, movesTo } from "./edit";

export interface CanvasNode {
  /** `stage:open`, `action:finish`. */
  id: string;
  part: { kind: "stage"; stage: Stage } | { kind: "action"; action: Action };
  /** Where it stands; undefined until it was put somewhere. */
  position?: Position | undefined;
}

export interface CanvasEdge {
  id: string;
  source: string;
  target: string;
  /** A stage offers an action; an action moves to a stage, at once or later. */
  kind: "offers" | "moves" | "later";
  /** The step that moves. */
  step?: string;
}

export interface Canvas {
  nodes: CanvasNode[];
  edges: CanvasEdge[];
}

export const nodeId = (thing: Thing): string => `${thing.kind}:${thing.id}`;

export function thingOf(id: string): Thing | undefined {
  const at = id.indexOf(":");
  const kind = id.slice(0, at);
  return kind === "stage" || kind === "action" ? { kind, id: id.slice(at + 1) } : undefined;
}

export function toCanvas(document: FlowDocument): Canvas {
  const stages = stagesOf(document).map((stage): CanvasNode => ({ id: nodeId({ kind: "stage", id: stage.id }), part: { kind: "stage", stage }, position: stage.position }));
  const actions = actionsOf(document).map((action): CanvasNode => ({ id: nodeId({ kind: "action", id: action.id }), part: { kind: "action", action }, position: action.position }));
  return { nodes: [...stages, ...actions], edges: actionsOf(document).flatMap((action) => edgesOf(document, action)) };
}

function edgesOf(document: FlowDocument, action: Action): CanvasEdge[] {
  const own = nodeId({ kind: "action", id: action.id });
  const from = action.from.flatMap((name): CanvasEdge[] => {
    const stage = stageByName(document, name);
    return stage ? [{ id: `${stage.id}>${own}`, source: nodeId({ kind: "stage", id: stage.id }), target: own, kind: "offers" }] : [];
  });
  const to = stepsOf(action).flatMap((step): CanvasEdge[] => {
    const stage = stagesOf(document).find((it) => movesTo(step, it));
    if (!stage) return [];
    return [{ id: `${own}>${step.id}>${stage.id}`, source: own, target: nodeId({ kind: "stage", id: stage.id }), kind: step.type === MOVE ? "moves" : "later", step: step.id }];
  });
  return [...from, ...to];
}

/** The document that a canvas shows: the inverse of `toCanvas`. What has no place on a canvas is taken from `rest`. */
export function fromCanvas(canvas: Canvas, rest: FlowDocument): FlowDocument {
  const stages = canvas.nodes.flatMap((node) => (node.part.kind === "stage" ? [placed(node.part.stage, node.position)] : []));
  const nameOf = new Map(stages.map((stage) => [nodeId({ kind: "stage", id: stage.id }), stage.name]));
  const known = new Set(stagesOf(rest).map((it) => it.name));
  const actions = canvas.nodes.flatMap((node) => {
    if (node.part.kind !== "action") return [];
    const { action } = node.part;
    // A name that leads nowhere is no arrow; it stays what it is: a problem to be told.
    const lost = action.from.filter((name) => !known.has(name));
    const from = canvas.edges.flatMap((edge) => (edge.kind === "offers" && edge.target === node.id ? (nameOf.get(edge.source) ?? []) : []));
    const steps = stepsOf(action).flatMap((step) => {
      if (!stagesOf(rest).some((it) => movesTo(step, it))) return [step];
      const edge = canvas.edges.find((it) => it.source === node.id && it.step === step.id);
      const stage = edge && nameOf.get(edge.target);
      return stage === undefined ? [] : [{ ...step, stage }];
    });
    return [placed({ ...action, from: [...from, ...lost], ...(action.steps && { steps }) }, node.position)];
  });
  return { ...rest, ...(rest.stages || stages.length > 0 ? { stages } : {}), ...(rest.actions || actions.length > 0 ? { actions } : {}) };
}

function placed<T extends { position?: Position }>(part: T, position: Position | undefined): T {
  if (!position) {
    const { position: _, ...without } = part;
    return without as T;
  }
  return { ...part, position };
}

const POSITION_MAX = 100_000;

/** Whole numbers within what a file may say. */
export function rounded(x: number, y: number): Position {
  const whole = (value: number) => Math.max(-POSITION_MAX, Math.min(POSITION_MAX, Math.round(value)));
  return [whole(x), whole(y)];
}

/** Puts things where they were dragged to. */
export function place(document: FlowDocument, positions: Map<string, Position>): FlowDocument {
  const canvas = toCanvas(document);
  return fromCanvas({ ...canvas, nodes: canvas.nodes.map((node) => ({ ...node, position: positions.get(node.id) ?? node.position })) }, document);
}

/** Takes arrows away: actions are no longer offered, steps that move are gone. */
export function disconnect(document: FlowDocument, edges: string[]): FlowDocument {
  const canvas = toCanvas(document);
  return fromCanvas({ ...canvas, edges: canvas.edges.filter((edge) => !edges.includes(edge.id)) }, document);
}
