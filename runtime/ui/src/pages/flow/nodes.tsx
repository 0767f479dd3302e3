// How a stage and an action look on the canvas: a pill with its dot, and the button that the action is.
import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { CircleAlert, TriangleAlert } from "lucide-react";
import { fillColors } from "../../model/color";
import { Dot } from "../../parts/Marks";
import styles from "./nodes.module.css";

export interface NodeData extends Record<string, unknown> {
  name: string;
  color: string | undefined;
  isEnd: boolean;
  problems: number;
  findings: number;
}

export type FlowNode = Node<NodeData, "stage" | "action">;

const SIDES = [Position.Top, Position.Right, Position.Bottom, Position.Left];

function Handles({ isConnectable }: { isConnectable: boolean }) {
  return SIDES.map((side) => <Handle key={side} id={side} type="source" position={side} className={styles.handle!} isConnectable={isConnectable} />);
}

function Trouble({ data }: { data: NodeData }) {
  if (data.problems > 0) return <CircleAlert className={styles.problem} aria-label={`${data.problems} ${data.problems === 1 ? "problem" : "problems"}`} role="img" />;
  if (data.findings > 0) return <TriangleAlert className={styles.finding} aria-label={`${data.findings} ${data.findings === 1 ? "warning" : "warnings"}`} role="img" />;
  return null;
}

function StageNode({ data, selected, isConnectable }: NodeProps<FlowNode>) {
  return (
    <div className={`${styles.stage} ${selected ? styles.selected : ""}`} title={data.name}>
      <Dot color={data.color} />
      <span className={styles.name}>{data.name}</span>
      {data.isEnd && <span className={styles.end}>End</span>}
      <Trouble data={data} />
      <Handles isConnectable={isConnectable} />
    </div>
  );
}

function ActionNode({ data, selected, isConnectable }: NodeProps<FlowNode>) {
  return (
    <div className={`${styles.action} ${selected ? styles.selected : ""}`} style={fillColors(data.color)} title={data.name}>
      <span className={styles.name}>{data.name}</span>
      <Trouble data={data} />
      <Handles isConnectable={isConnectable} />
    </div>
  );
}

export const nodeTypes = { stage: StageNode, action: ActionNode };
