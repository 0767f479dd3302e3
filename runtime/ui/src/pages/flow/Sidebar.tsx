// The left sidebar: what is selected, else the stages; and the buttons that save and put aside.
import { ChevronDown, ChevronUp, Columns3, History, UserCog } from "lucide-react";
import { Button as AriaButton } from "react-aria-components";
import { actionById, actionsOf, fieldsOf, rolesOf, stageById, stagesOf } from "../../model/flow/document";
import { type Thing, moveStage } from "../../model/flow/edit";
import { Button, IconButton, LinkButton } from "../../parts/Button";
import { Dot, StageMark } from "../../parts/Marks";
import { say } from "../../parts/Toasts";
import { ActionPanel } from "./ActionPanel";
import { ProblemList } from "./Problems";
import styles from "./Sidebar.module.css";
import { StagePanel } from "./StagePanel";
import { edgesIn, thingsIn, useBuilder } from "./state";

/** What is changed in a dialog of its own. */
export type Parts = "fields" | "roles";

interface Props {
  isSaving: boolean;
  isChecked: boolean;
  onSave: () => void;
  onRemove: () => void;
  onParts: (parts: Parts) => void;
}

export function Sidebar({ isSaving, isChecked, onSave, onRemove, onParts }: Props) {
  const { document, selected, select, isDirty, cancel, isReadOnly } = useBuilder();
  const things = thingsIn(selected);
  const [only] = things.length === 1 ? things : [];
  const action = only?.kind === "action" ? actionById(document, only.id) : undefined;
  const stage = only?.kind === "stage" ? stageById(document, only.id) : undefined;
  const title = action ? "Action" : stage ? "Stage" : selected.length > 0 ? `${selected.length} selected` : "Stages";
  const putAside = () => {
    cancel();
    say("Your changes are put aside. Undo brings them back.");
  };
  return (
    <aside className={styles.sidebar} aria-label="Workflow">
      <div className={styles.head}>
        <h2>{title}</h2>
        {isDirty && !isReadOnly ? (
          <>
            <Button onPress={putAside} isDisabled={isSaving}>
              Cancel
            </Button>
            <Button look="good" onPress={onSave} isDisabled={isSaving}>
              {isSaving ? "Saving…" : "Save"}
            </Button>
          </>
        ) : (
          selected.length > 0 && <Button onPress={() => select([])}>Close</Button>
        )}
      </div>
      <div className={styles.body}>
        {action && <ActionPanel key={action.id} action={action} onRemove={onRemove} />}
        {stage && <StagePanel key={stage.id} stage={stage} onRemove={onRemove} />}
        {!action && !stage && selected.length > 0 && <Several things={things} />}
        {selected.length === 0 && <Overview onParts={onParts} />}
      </div>
      <ProblemList isChecked={isChecked} onParts={onParts} />
    </aside>
  );
}

function Overview({ onParts }: Pick<Props, "onParts">) {
  const { document, select, edit, isReadOnly, workflow } = useBuilder();
  const stages = stagesOf(document);
  const fields = fieldsOf(document).length;
  return (
    <>
      {stages.length === 0 && <p className={styles.hint}>There is no stage yet. A task begins in the first.</p>}
      <ul className={styles.things}>
        {stages.map((stage, index) => (
          <li key={stage.id}>
            <AriaButton className={styles.thing!} onPress={() => select([{ kind: "stage", id: stage.id }])}>
              <StageMark name={stage.name} color={stage.color} />
              {stage.end && <span className={styles.end}>End</span>}
            </AriaButton>
            {!isReadOnly && stages.length > 1 && (
              <span className={styles.order}>
                <IconButton small label={`Move ${stage.name} up`} icon={<ChevronUp />} isDisabled={index === 0} onPress={() => edit((it) => moveStage(it, stage.id, index - 1))} />
                <IconButton small label={`Move ${stage.name} down`} icon={<ChevronDown />} isDisabled={index === stages.length - 1} onPress={() => edit((it) => moveStage(it, stage.id, index + 1))} />
              </span>
            )}
          </li>
        ))}
      </ul>
      <h2 className={styles.second}>Actions</h2>
      {actionsOf(document).length === 0 && <p className={styles.hint}>There is no action yet. Drag from one stage to another, or press New action.</p>}
      <ul className={styles.things}>
        {actionsOf(document).map((action) => (
          <li key={action.id}>
            <AriaButton className={styles.thing!} onPress={() => select([{ kind: "action", id: action.id }])}>
              <Dot color={action.color} />
              <span className={styles.name}>{action.name}</span>
            </AriaButton>
          </li>
        ))}
      </ul>
      <h2 className={styles.second}>Workflow</h2>
      <div className={styles.buttons}>
        <Button icon={<Columns3 aria-hidden />} onPress={() => onParts("fields")}>
          {`Fields (${fields})`}
        </Button>
        <Button icon={<UserCog aria-hidden />} onPress={() => onParts("roles")}>
          {`Roles (${rolesOf(document).length})`}
        </Button>
        <LinkButton href={`/workflows/${workflow}/versions`} icon={<History aria-hidden />}>
          Versions
        </LinkButton>
      </div>
    </>
  );
}

function Several({ things }: { things: Thing[] }) {
  const { document, selected, select } = useBuilder();
  const arrows = edgesIn(document, selected);
  const name = (thing: Thing) => (thing.kind === "stage" ? stageById(document, thing.id)?.name : actionById(document, thing.id)?.name);
  return (
    <>
      <ul className={styles.things}>
        {things.map((thing) => (
          <li key={`${thing.kind}:${thing.id}`}>
            <AriaButton className={styles.thing!} onPress={() => select([thing])}>
              <span className={styles.name}>
                {thing.kind === "stage" ? "Stage" : "Action"} “{name(thing)}”
              </span>
            </AriaButton>
          </li>
        ))}
      </ul>
      {arrows.length > 0 && (
        <p className={styles.hint}>{arrows.length === 1 ? "One arrow is selected." : `${arrows.length} arrows are selected.`} Deleting an arrow from a stage no longer offers the action there; deleting one to a stage removes the step that moves there.</p>
      )}
      <p className={styles.hint}>Drag to move them together; arrow keys do, too. Delete removes them.</p>
    </>
  );
}
