// A link to the task of an execution, as far as there still is one.
import { Link } from "react-router";
import type { ExecutionItem } from "../../api/executions";
import { taskAddress } from "../../model/addresses";
import { taskLabel } from "../../model/runs/tasks";

export function TaskLink({ workflow, execution }: { workflow: string; execution: Pick<ExecutionItem, "task" | "task_summary"> }) {
  const { task, task_summary } = execution;
  const label = taskLabel(task, task_summary);
  if (!task_summary) return <span title={task}>{label} (deleted)</span>;
  return <Link to={taskAddress(workflow, task)}>{label}</Link>;
}
