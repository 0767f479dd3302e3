// How an arrow looks: along the way that was found for it.
import { BaseEdge, type Edge, type EdgeProps } from "@xyflow/react";
import type { CanvasEdge } from "../../model/flow/canvas";
import styles from "./edges.module.css";

export type FlowEdge = Edge<{ kind: CanvasEdge["kind"]; path: string }, "arrow">;

function Arrow({ id, markerEnd, selected, data }: EdgeProps<FlowEdge>) {
  const look = `${styles.arrow} ${selected ? styles.selected : ""} ${data?.kind === "later" ? styles.later : ""}`;
  return <BaseEdge id={id} path={data?.path ?? ""} className={look} interactionWidth={18} {...(markerEnd && { markerEnd })} />;
}

export const edgeTypes = { arrow: Arrow };
