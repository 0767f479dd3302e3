// A link to the task of an execution, as far as there still is one.
import { Link } from "react-router";
import type { TaskName } from "./names";

export function TaskLink({ workflow, id, name }: { workflow: string; id: string; name: TaskName | undefined }) {
  if (name?.isGone) return <span title={id}>{name.label} (deleted)</span>;
  return <Link to={`/workflows/${workflow}/tasks/${id}`}>{name?.label ?? id}</Link>;
}
