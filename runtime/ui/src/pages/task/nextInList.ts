// The task that comes next in the list from which somebody came.
import { queryClient } from "../../api/queries";
import { readTasks } from "../../api/tasks";
import { nextOf } from "../../model/execution/next";
import { type Field, addressOf, columnsOf } from "../../model/tasks/columns";
import { listQuery } from "../../model/tasks/view";
import { rowsKey, rowsOf } from "../tasks/rows";
import { lastView } from "../tasks/useView";

/** Of a list that nobody has looked at, so many are read. */
const READ_MAX = 100;

/** Its address; null where there is no other. */
export async function nextInList(workflow: string, fields: Field[], current: string): Promise<string | null> {
  const asked = listQuery(lastView(workflow), columnsOf(fields));
  // As it was looked at: there the task still has its place.
  const seen = rowsOf(queryClient.getQueryData(rowsKey(workflow, asked))).map(addressOf);
  if (seen.includes(current)) {
    const next = nextOf(seen, current);
    if (next !== null) return next;
  }
  const { rows } = await readTasks(workflow, asked, undefined, READ_MAX);
  return nextOf(rows.map(addressOf), current);
}
