// Arrows: straight where two things stand in line, else with one bend, from the sides that face each other.
import { BaseEdge, type Edge, type EdgeProps, type InternalNode, Position, getSmoothStepPath, getStraightPath, useInternalNode } from "@xyflow/react";
import type { CanvasEdge } from "../../model/flow/canvas";
import styles from "./edges.module.css";

export type FlowEdge = Edge<{ kind: CanvasEdge["kind"] }, "arrow">;

/** How far from in line two things still count as in line. */
const IN_LINE = 6;
/** Between an arrow's head and what it leads to. */
const GAP = 2;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function box(node: InternalNode): Box {
  const { x, y } = node.internals.positionAbsolute;
  const width = node.measured.width ?? node.width ?? 0;
  const height = node.measured.height ?? node.height ?? 0;
  return { x: x + width / 2, y: y + height / 2, width, height };
}

interface End {
  x: number;
  y: number;
  side: Position;
}

function end(of: Box, side: Position, gap: number): End {
  if (side === Position.Top || side === Position.Bottom) return { x: of.x, y: of.y + (side === Position.Top ? -1 : 1) * (of.height / 2 + gap), side };
  return { x: of.x + (side === Position.Left ? -1 : 1) * (of.width / 2 + gap), y: of.y, side };
}

/** The sides that face each other; below one another counts more than beside. */
function ends(source: Box, target: Box): [End, End] {
  const [dx, dy] = [target.x - source.x, target.y - source.y];
  const isBelow = Math.abs(dy) - (source.height + target.height) / 2 > 8 && Math.abs(dy) * 1.6 > Math.abs(dx) - (source.width + target.width) / 2;
  if (isBelow) return dy > 0 ? [end(source, Position.Bottom, 0), end(target, Position.Top, GAP)] : [end(source, Position.Top, 0), end(target, Position.Bottom, GAP)];
  return dx > 0 ? [end(source, Position.Right, 0), end(target, Position.Left, GAP)] : [end(source, Position.Left, 0), end(target, Position.Right, GAP)];
}

function Arrow({ id, source, target, markerEnd, selected, data }: EdgeProps<FlowEdge>) {
  const [from, to] = [useInternalNode(source), useInternalNode(target)];
  if (!from || !to) return null;
  const [a, b] = ends(box(from), box(to));
  const isInLine = Math.abs(a.x - b.x) < IN_LINE || Math.abs(a.y - b.y) < IN_LINE;
  const points = { sourceX: a.x, sourceY: a.y, targetX: b.x, targetY: b.y };
  const [path] = isInLine ? getStraightPath(points) : getSmoothStepPath({ ...points, sourcePosition: a.side, targetPosition: b.side, borderRadius: 10 });
  const look = `${styles.arrow} ${selected ? styles.selected : ""} ${data?.kind === "later" ? styles.later : ""}`;
  return <BaseEdge id={id} path={path} className={look} interactionWidth={18} {...(markerEnd && { markerEnd })} />;
}

export const edgeTypes = { arrow: Arrow };
