// An action whose task's page was left before it had ended: whoever began it is told if it fails, wherever they are by then.
import { ApiError, onSignedOut } from "../../api/client";
import { onChange, queryClient } from "../../api/queries";
import { ROOT } from "../../api/root";
import { taskExecutionQuery } from "../../api/tasks";
import { taskAddress } from "../../model/addresses";
import { taskLabel } from "../../model/runs/tasks";
import { sayError } from "../../parts/Toasts";

export function followOn(workflow: string, address: string, execution: string, action: string): void {
  const query = { ...taskExecutionQuery(workflow, address, execution), staleTime: 0 };
  let hasEnded = false;
  const look = async () => {
    try {
      const found = await queryClient.fetchQuery(query);
      if (found.status === "Pending" || hasEnded) return;
      end();
      const isHere = location.pathname === ROOT + taskAddress(workflow, address);
      if ((found.state === "failed" || found.state === "unknown") && !isHere) {
        sayError(new Error(`${action} failed on the task ${taskLabel(found.task, found.task_summary)}. ${found.errors?.join(" ") ?? ""}`));
      }
    } catch (error) {
      // Who has signed out, or may not look any more, is told nothing. A server that is away comes back, and says so.
      if (!(error instanceof ApiError && error.passes)) end();
    }
  };
  const stopHearing = onChange((change) => {
    if (change.kind === "reset" || (change.kind === "execution" && change.id === execution)) void look();
  });
  const end = () => {
    hasEnded = true;
    stopHearing();
    stopAsking();
  };
  const stopAsking = onSignedOut(end);
  // It may have ended before anybody listened.
  void look();
}
