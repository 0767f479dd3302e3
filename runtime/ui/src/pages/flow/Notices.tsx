// What one should know before going on: a draft that was restored, another editor, a save that was refused, a file.
import { ManagedByFile } from "../../parts/ManagedByFile";
import { Notice } from "../../parts/States";
import { Button } from "../../parts/Button";
import { Link } from "react-router";
import { strandedWords, whereabouts } from "../../model/flow/problems";
import styles from "./Builder.module.css";
import type { Refusal } from "./saving";
import { useBuilder } from "./state";

interface Props {
  refusal: Refusal | undefined;
  onForget: () => void;
  isDraftLost: boolean;
  onCompare: () => void;
  onRead: () => void;
}

export function Notices({ refusal, onForget, isDraftLost, onCompare, onRead }: Props) {
  const { isReadOnly, isArchived, file, restored, theirs, cancel, workflow, isDirty } = useBuilder();
  const all = [
    isArchived && (
      <Notice key="archived" kind="info" title="This workflow is archived">
        It can be looked at here. Once it is brought back, under Workflows, it can be changed again.
      </Notice>
    ),
    isReadOnly && file !== undefined && (
      <ManagedByFile key="file" file={file}>
        It can be looked at here, and is changed by editing that file: {file}
      </ManagedByFile>
    ),
    theirs && (
      <Notice key="theirs" kind="warn" title={`Somebody else has saved version ${theirs.version} meanwhile`} action={<Button small onPress={onCompare}>See the difference</Button>}>
        Your changes are still here. Before they can be saved, choose which is to count.
      </Notice>
    ),
    restored && isDirty && (
      <Notice
        key="draft"
        kind="info"
        title="Your draft was restored"
        action={
          <>
            <Button small onPress={cancel}>
              Throw it away
            </Button>
            <Button small onPress={onRead}>
              Go on with it
            </Button>
          </>
        }
      >
        These are changes that you had not saved when you left.
      </Notice>
    ),
    isDraftLost && (
      <Notice key="lost" kind="warn" title="Your changes are not kept as a draft">
        The browser has no room for them: save before you leave this page.
      </Notice>
    ),
    refusal && (
      <Notice key="refused" kind="bad" title={refusal.stranded.length > 0 ? "It was not saved: tasks would be stranded" : "It was not saved"} action={<Button small onPress={onForget}>Close</Button>}>
        {refusal.stranded.length === 0 && refusal.problems.length === 0 && <p>{refusal.message}</p>}
        <ul className={styles.list}>
          {refusal.stranded.map((it, index) => (
            <li key={index}>{strandedWords(it)}</li>
          ))}
          {refusal.problems.map((it, index) => (
            <li key={`p${index}`}>
              {whereabouts(it.concerns)}: {it.message}
            </li>
          ))}
        </ul>
        {refusal.stranded.length > 0 && (
          <p>
            <Link to={`/workflows/${workflow}/tasks`}>Look at the tasks</Link>
          </p>
        )}
      </Notice>
    ),
  ].filter(Boolean);
  return all.length > 0 ? <div className={styles.notices}>{all}</div> : null;
}
