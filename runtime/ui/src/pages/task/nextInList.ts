// The task that comes next in the list from which somebody came.
import { queryClient } from "../../api/queries";
import { readTasks } from "../../api/tasks";
import { nextOf } from "../../model/execution/next";
import { type Field, addressOf, columnsOf } from "../../model/tasks/columns";
import { listQuery } from "../../model/tasks/view";
import { rowsKey, rowsOf } from "../../parts/task/rows";
import { lastView } from "../../parts/task/useView";

/** As many of the list are read anew. */
const READ_MAX = 200;

/** Its address; null where there is no other. */
export async function nextInList(workflow: string, fields: Field[], current: string): Promise<string | null> {
  const asked = listQuery(lastView(workflow), columnsOf(fields));
  const seen = rowsOf(queryClient.getQueryData(rowsKey(workflow, asked))).map(addressOf);
  const { rows, next } = await readTasks(workflow, asked, undefined, READ_MAX);
  return nextOf({ seen, now: rows.map(addressOf), isWhole: next === null }, current);
}
