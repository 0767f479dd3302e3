// An action whose task's page was left before it had ended: whoever began it is told if it fails, wherever they are by then.
import { ApiError } from "../../api/client";
import { queryClient } from "../../api/queries";
import { taskExecutionQuery } from "../../api/tasks";
import { taskAddress } from "../../model/addresses";
import { taskLabel } from "../../model/runs/tasks";
import { sayError } from "../../parts/Toasts";

const ASK_MS = 2000;

/** For half an hour; what takes longer is looked up under Executions. */
const ASKS_MAX = 900;

export async function followOn(workflow: string, address: string, execution: string, action: string): Promise<void> {
  const query = { ...taskExecutionQuery(workflow, address, execution), staleTime: 0 };
  for (let asked = 0; asked < ASKS_MAX; asked++) {
    await new Promise((done) => setTimeout(done, ASK_MS));
    try {
      const found = await queryClient.fetchQuery(query);
      if (found.status === "Pending") continue;
      const isHere = location.pathname === taskAddress(workflow, address);
      if ((found.state === "failed" || found.state === "unknown") && !isHere) {
        sayError(new Error(`${action} failed on the task ${taskLabel(found.task, found.task_summary)}. ${found.errors?.join(" ") ?? ""}`));
      }
      return;
    } catch (error) {
      // Who has signed out, or may not look any more, is told nothing. A server that is away comes back.
      if (!(error instanceof ApiError && error.passes)) return;
    }
  }
}
