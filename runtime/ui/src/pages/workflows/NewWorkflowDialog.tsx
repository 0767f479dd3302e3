// A workflow from scratch: its name, and off to the Flow Builder.
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { importDocument } from "../../api/administration";
import { ApiError } from "../../api/client";
import { NAME_CHARS_MAX, fromScratch, nameProblem } from "../../model/workflows/scratch";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { TextField } from "../../parts/Field";
import { Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";
import { useStaleWorkflows } from "./stale";
import styles from "./Workflows.module.css";

export function NewWorkflowDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const stale = useStaleWorkflows();
  const [name, setName] = useState("");
  const document = fromScratch(name);

  const make = useMutation({
    mutationFn: () => importDocument(document),
    onSuccess: async (made) => {
      await stale();
      await navigate(`/workflows/${encodeURIComponent(made.workflow)}/flow`);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!make.isPending) make.mutate();
  };
  const change = (typed: string) => {
    make.reset();
    setName(typed);
  };
  const isTaken = make.error instanceof ApiError && ["workflow_exists", "file_managed"].includes(make.error.code);
  const problem = nameProblem(name);
  return (
    <Modal title="New workflow" isOpen onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        {make.error && !isTaken && <Notice kind="bad">{told(make.error)}</Notice>}
        <TextField
          label="Name"
          value={name}
          onChange={change}
          error={isTaken ? `There is a workflow “${document.id}” already, perhaps an archived one. Choose another name.` : problem}
          description={!problem && !isTaken && (document.id ? <>Programs know it as <code>{document.id}</code>, also when its name changes.</> : "Such as Orders")}
          maxLength={NAME_CHARS_MAX}
          autoFocus
          isRequired
        />
        <p>It begins with the stages Not Started, In Progress and Done, and the actions Start and Finish between them. In the Flow Builder you make it yours.</p>
        <DialogButtons>
          <Button onPress={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isPending={make.isPending} isDisabled={!document.id || problem !== undefined}>
            Make the workflow
          </Button>
        </DialogButtons>
      </form>
    </Modal>
  );
}
