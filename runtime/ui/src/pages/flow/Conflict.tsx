// Two people have edited the same workflow: what the other one saved, what is one's own, and which is to count.
import { useQuery } from "@tanstack/react-query";
import { fullName } from "../../model/people/person";
import { versionsQuery } from "../../api/definitions";
import { type Change, changes } from "../../model/flow/difference";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { ChangeList } from "../../parts/ChangeList";
import styles from "./Changes.module.css";
import { useBuilder } from "./state";

interface Props {
  isOpen: boolean;
  onClose: () => void;
  onTake: () => void;
  onKeep: () => void;
}

export function Conflict({ isOpen, onClose, onTake, onKeep }: Props) {
  const { workflow, theirs, saved, document } = useBuilder();
  const versions = useQuery({ ...versionsQuery(workflow), enabled: isOpen });
  if (!theirs) return null;
  const by = versions.data?.find((it) => it.version === theirs.version)?.by;
  const who = by ? fullName(by) : "Somebody";
  return (
    <Modal title="Somebody else has saved this workflow" isOpen={isOpen} onClose={onClose} wide>
      <p>
        {who} saved version {theirs.version} while you were editing version {saved.version}. Nothing of yours is lost: choose which is to count.
      </p>
      <div className={styles.sides}>
        <Side title={`Version ${theirs.version}`} changes={changes(saved.document, theirs.document)} />
        <Side title="Yours" changes={changes(saved.document, document)} />
      </div>
      <p className={styles.hint}>Keeping yours saves it as the next version, without what the other one changed; version {theirs.version} can still be restored. Taking theirs puts yours aside; Undo brings it back.</p>
      <DialogButtons>
        <Button onPress={onClose}>Decide later</Button>
        <Button
          onPress={() => {
            onTake();
            onClose();
          }}
        >
          Take theirs
        </Button>
        <Button
          look="primary"
          onPress={() => {
            onKeep();
            onClose();
          }}
        >
          Keep mine
        </Button>
      </DialogButtons>
    </Modal>
  );
}

function Side({ title, changes: all }: { title: string; changes: Change[] }) {
  return (
    <section className={styles.side} aria-label={title}>
      <h3>{title}</h3>
      <ChangeList changes={all} />
    </section>
  );
}
