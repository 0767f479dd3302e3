// Another name for a workflow: the next version of its definition, in which only that differs.
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { ListedWorkflow } from "../../api/administration";
import { ApiError } from "../../api/client";
import { definitionQuery, saveDocument } from "../../api/definitions";
import { queryClient } from "../../api/queries";
import { NAME_CHARS_MAX, nameProblem, renamed } from "../../model/workflows/scratch";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { TextField } from "../../parts/Field";
import { Notice } from "../../parts/States";
import { say, told } from "../../parts/Toasts";
import { useStaleWorkflows } from "./stale";
import styles from "./Workflows.module.css";

async function rename(id: string, name: string): Promise<void> {
  const { document, version } = await queryClient.fetchQuery({ ...definitionQuery(id), staleTime: 0 });
  await saveDocument(id, version, renamed(document, name));
}

export function RenameDialog({ workflow, onClose }: { workflow: ListedWorkflow; onClose: () => void }) {
  const stale = useStaleWorkflows();
  const [name, setName] = useState(workflow.name);
  const save = useMutation({
    mutationFn: () => rename(workflow.id, name),
    onSuccess: async () => {
      say(`${workflow.name} is called ${name.trim()} now.`);
      onClose();
      await stale(workflow.id);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const isOvertaken = save.error instanceof ApiError && save.error.code === "version_conflict";
  const problem = nameProblem(name);
  const isSame = name.trim() === workflow.name;
  return (
    <Modal title={`Rename ${workflow.name}`} isOpen onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        {save.error && <Notice kind="bad">{isOvertaken ? "Somebody has saved the workflow at this moment. Try again." : told(save.error)}</Notice>}
        <TextField
          label="Name"
          value={name}
          onChange={setName}
          error={problem}
          description={<>Programs go on to know it as <code>{workflow.id}</code>.</>}
          maxLength={NAME_CHARS_MAX}
          autoFocus
          isRequired
        />
        <DialogButtons>
          <Button onPress={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isPending={save.isPending} isDisabled={!name.trim() || isSame || problem !== undefined}>
            Rename
          </Button>
        </DialogButtons>
      </form>
    </Modal>
  );
}
