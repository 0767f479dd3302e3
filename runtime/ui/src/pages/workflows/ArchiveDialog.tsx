// Putting a workflow away, once one knows what that means.
import { useMutation } from "@tanstack/react-query";
import { type ListedWorkflow, archiveWorkflow } from "../../api/administration";
import { Confirm } from "../../parts/Dialog";
import { say } from "../../parts/Toasts";
import { useStaleWorkflows } from "./stale";

export function ArchiveDialog({ workflow, onClose }: { workflow: ListedWorkflow; onClose: () => void }) {
  const stale = useStaleWorkflows();
  const archive = useMutation({
    mutationFn: () => archiveWorkflow(workflow.id),
    onSuccess: async () => {
      say(`${workflow.name} is archived.`);
      onClose();
      await stale(workflow.id);
    },
  });
  return (
    <Confirm
      title={`Archive ${workflow.name}?`}
      does="Archive"
      isOpen
      isPending={archive.isPending}
      error={archive.error}
      onConfirm={() => archive.mutate()}
      onClose={onClose}
    >
      <p>Its tasks and executions can still be read, but nothing in it can be changed or performed, by programs neither. What runs or waits goes on to its end.</p>
      <p>It stands below the other workflows then and can be brought back at any time.</p>
    </Confirm>
  );
}
