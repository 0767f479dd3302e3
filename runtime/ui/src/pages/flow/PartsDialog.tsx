// Parts of the workflow that are on no canvas, as a list: each opens to be changed, and new ones are made.
import { ChevronDown, ChevronUp, Plus, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { FlowDocument } from "../../model/flow/document";
import type { Made } from "../../model/flow/edit";
import { Button, IconButton } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import styles from "./PartsDialog.module.css";
import { useBuilder } from "./state";

interface Part {
  id: string;
  name: string;
}

interface Props<Of extends Part> {
  title: string;
  hint: string;
  parts: Of[];
  /** What one is, in few words. */
  summary: (part: Of) => string;
  detail: (part: Of) => ReactNode;
  /** What makes a new one, and what its button says. */
  add: (document: FlowDocument) => Made;
  newOne: string;
  remove: (document: FlowDocument, id: string) => FlowDocument;
  /** Where their order counts. */
  move?: (document: FlowDocument, id: string, to: number) => FlowDocument;
  onClose: () => void;
}

export function PartsDialog<Of extends Part>({ title, hint, parts, summary, detail, add, newOne, remove, move, onClose }: Props<Of>) {
  const { edit, isReadOnly } = useBuilder();
  const [open, setOpen] = useState<string>();
  const addOne = () => {
    edit((it) => {
      const made = add(it);
      setOpen(made.id);
      return made.document;
    });
    // Its name is there to be written over.
    requestAnimationFrame(() => {
      const input = document.querySelector<HTMLInputElement>("[data-part-open] input");
      input?.focus();
      input?.select();
    });
  };
  return (
    <Modal title={title} isOpen onClose={onClose} wide isDismissable>
      <p className={styles.hint}>{hint}</p>
      {parts.length === 0 && <p>There is none yet.</p>}
      <ul className={styles.parts}>
        {parts.map((part, index) => (
          <li key={part.id} className={styles.part}>
            <div className={styles.row}>
              <button type="button" className={styles.name} aria-expanded={open === part.id} onClick={() => setOpen(open === part.id ? undefined : part.id)}>
                {open === part.id ? <ChevronUp aria-hidden /> : <ChevronDown aria-hidden />}
                <span>{part.name}</span>
                <span className={styles.summary}>{summary(part)}</span>
              </button>
              {!isReadOnly && move && (
                <>
                  <IconButton small label={`Move ${part.name} up`} icon={<ChevronUp />} isDisabled={index === 0} onPress={() => edit((it) => move(it, part.id, index - 1))} />
                  <IconButton small label={`Move ${part.name} down`} icon={<ChevronDown />} isDisabled={index === parts.length - 1} onPress={() => edit((it) => move(it, part.id, index + 1))} />
                </>
              )}
              {!isReadOnly && <IconButton small label={`Remove ${part.name}`} icon={<Trash2 />} onPress={() => edit((it) => remove(it, part.id))} />}
            </div>
            {open === part.id && (
              <div className={styles.detail} data-part-open>
                {detail(part)}
              </div>
            )}
          </li>
        ))}
      </ul>
      {!isReadOnly && (
        <div>
          <Button icon={<Plus aria-hidden />} onPress={addOne}>
            {newOne}
          </Button>
        </div>
      )}
      <DialogButtons>
        <Button look="primary" onPress={onClose}>
          Done
        </Button>
      </DialogButtons>
    </Modal>
  );
}
