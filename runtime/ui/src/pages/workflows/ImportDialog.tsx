// A workflow from a file: chosen, dropped or pasted; what is wrong with it stands beside it, with its place.
import { useMutation } from "@tanstack/react-query";
import { FileUp } from "lucide-react";
import { useRef, useState } from "react";
import { FileTrigger } from "react-aria-components";
import { useNavigate } from "react-router";
import { importToml } from "../../api/administration";
import { ApiError } from "../../api/client";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { TextField } from "../../parts/Field";
import { Notice } from "../../parts/States";
import { say, sayError, told } from "../../parts/Toasts";
import { type Problem, ProblemList } from "./ProblemList";
import { useStaleWorkflows } from "./stale";
import styles from "./Workflows.module.css";

export function ImportDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const stale = useStaleWorkflows();
  const [text, setText] = useState("");
  const source = useRef<HTMLDivElement>(null);

  const bring = useMutation({
    mutationFn: (toml: string) => importToml(toml),
    onSuccess: async (made) => {
      say(`The workflow ${made.workflow} is there.`);
      await stale();
      await navigate(`/workflows/${encodeURIComponent(made.workflow)}/flow`);
    },
  });
  const read = async (file: File | undefined) => {
    if (!file) return;
    try {
      setText(await file.text());
      bring.reset();
    } catch (error) {
      sayError(error);
    }
  };
  const problems = bring.error instanceof ApiError ? (bring.error.body["problems"] as Problem[] | undefined) : undefined;
  return (
    <Modal title="Workflow from a file" isOpen onClose={onClose} wide isKept={text !== ""}>
      <div className={styles.choose}>
        <FileTrigger acceptedFileTypes={[".toml", "application/toml"]} onSelect={(files) => void read(files?.[0])}>
          <Button icon={<FileUp aria-hidden />}>Choose a file</Button>
        </FileTrigger>
        <span>or paste its text, as a workflow is exported or kept in a file.</span>
      </div>
      {bring.error && !problems && <Notice kind="bad">{told(bring.error)}</Notice>}
      {problems && <ProblemList problems={problems} text={text} sent={bring.variables ?? ""} source={source} />}
      <div
        ref={source}
        className={styles.source}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          void read(event.dataTransfer.files[0]);
        }}
      >
        <TextField label="Workflow file" value={text} onChange={setText} rows={16} placeholder={'name = "Orders"'} mono />
      </div>
      <DialogButtons>
        <Button onPress={onClose}>Cancel</Button>
        <Button look="primary" isPending={bring.isPending} isDisabled={!text.trim()} onPress={() => bring.mutate(text)}>
          Import
        </Button>
      </DialogButtons>
    </Modal>
  );
}
