// Where things stand when nobody has put them anywhere: in layers from the first stage down, by dagre.
import { Graph, layout } from "@dagrejs/dagre";
import { rounded, toCanvas } from "./canvas";
import type { FlowDocument, Position } from "./document";

export const NODE_HEIGHT = 40;
const LETTER_WIDTH = 8.4;
const NODE_WIDTH_MIN = 88;
const NODE_WIDTH_MAX = 250;

/** How wide a thing is about, by its name. */
export function nodeWidth(name: string): number {
  return Math.min(NODE_WIDTH_MAX, Math.max(NODE_WIDTH_MIN, Math.round(name.length * LETTER_WIDTH) + 48));
}

/** A place for every node. Positions are of a node's middle, so that a column stands straight whatever its names. */
export function arranged(document: FlowDocument): Map<string, Position> {
  const { nodes, edges } = toCanvas(document);
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", ranksep: 46, nodesep: 60, ranker: "network-simplex" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) {
    const name = node.part.kind === "stage" ? node.part.stage.name : node.part.action.name;
    graph.setNode(node.id, { width: nodeWidth(name), height: NODE_HEIGHT });
  }
  for (const edge of edges) graph.setEdge(edge.source, edge.target, { weight: edge.kind === "later" ? 1 : 2 });
  layout(graph);
  return new Map(nodes.map((node) => {
    const { x, y } = graph.node(node.id) as { x: number; y: number };
    return [node.id, rounded(x, y)];
  }));
}

/** Where each thing is shown: where it was put, else where the layout has it. */
export function shownAt(document: FlowDocument): Map<string, Position> {
  const { nodes } = toCanvas(document);
  const put = nodes.filter((node) => node.position);
  if (put.length === nodes.length) return new Map(put.map((node) => [node.id, node.position!]));
  const free = arranged(document);
  if (put.length === 0) return free;
  // What is new stands where the layout has it beside what was put: by the first thing that both know.
  const [dx, dy] = offset(put[0]!.position!, free.get(put[0]!.id)!);
  return new Map(nodes.map((node) => [node.id, node.position ?? rounded(free.get(node.id)![0] + dx, free.get(node.id)![1] + dy)]));
}

const offset = (to: Position, from: Position): Position => [to[0] - from[0], to[1] - from[1]];

const APART = 28;
const RING = 20;
const RINGS_MAX = 60;

/** A place near `wanted` where a thing called `name` covers nothing: as near as can be, rather beside than below. */
export function spotNear(document: FlowDocument, wanted: Position, name: string): Position {
  const positions = shownAt(document);
  const boxes = toCanvas(document).nodes.map((node) => {
    const part = node.part.kind === "stage" ? node.part.stage : node.part.action;
    return { at: positions.get(node.id)!, width: nodeWidth(part.name) };
  });
  const width = nodeWidth(name);
  const isFree = ([x, y]: Position) => boxes.every(({ at, width: its }) => Math.abs(at[0] - x) >= (its + width) / 2 + APART || Math.abs(at[1] - y) >= NODE_HEIGHT + APART);
  for (let ring = 0; ring < RINGS_MAX; ring++) {
    const far = ring * RING;
    const found = ([[far, 0], [0, far * 0.75], [-far, 0], [far, far * 0.75], [0, -far * 0.75]] as Position[]).map(([dx, dy]) => rounded(wanted[0] + dx, wanted[1] + dy)).find(isFree);
    if (found) return found;
  }
  return wanted;
}
