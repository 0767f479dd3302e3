// The sidebar of one action: its colour and name, its steps, what it requires, and what follows it.
import { Copy, Plus, Trash2, X } from "lucide-react";
import { Button as AriaButton } from "react-aria-components";
import { type Action, type After, actionsOf, stageByName, stagesOf } from "../../model/flow/document";
import { changeAction, duplicateAction, offer, renameAction } from "../../model/flow/edit";
import { about, ofItself } from "../../model/flow/problems";
import { Button, IconButton } from "../../parts/Button";
import { Checkbox, Select, TextField } from "../../parts/Field";
import { Dot } from "../../parts/Marks";
import { Menu } from "../../parts/Menu";
import { NameColor } from "./NameColor";
import { NewStep } from "./NewStep";
import styles from "./Panel.module.css";
import { Beside } from "./Problems";
import { Requirements } from "./Requirements";
import { StepList } from "./StepList";
import { useBuilder } from "./state";
import { pinned } from "./Toolbar";

const AFTER: { id: After; name: string }[] = [
  { id: "stay", name: "Stay on the same task" },
  { id: "list", name: "Go to the list of tasks" },
  { id: "next", name: "Go to the next task" },
];

const ON_FAILURE = [
  { id: "keep", name: "Keep what steps have changed" },
  { id: "revert", name: "Take back what steps have changed" },
];

export function ActionPanel({ action, onRemove }: { action: Action; onRemove: () => void }) {
  const { document, edit, problems, isReadOnly, select } = useBuilder();
  const own = ofItself(problems, action.id).filter(({ concerns }) => concerns.kind === "action" && !concerns.at.startsWith("/from") && !concerns.at.startsWith("/requires"));
  const set = (change: Parameters<typeof changeAction>[2], key?: string) => edit((it) => changeAction(it, action.id, change), key && `${key} ${action.id}`);
  const duplicate = () => {
    let made: string | undefined;
    edit((it) => {
      const done = duplicateAction(pinned(it), action.id);
      made = done?.id;
      return done?.document ?? it;
    });
    if (made) select([{ kind: "action", id: made }]);
  };
  return (
    <>
      <NameColor
        what="action"
        name={action.name}
        color={action.color}
        taken={actionsOf(document).flatMap((it) => (it.id === action.id ? [] : [it.name]))}
        isDisabled={isReadOnly}
        onName={(name) => edit((it) => renameAction(it, action.id, name), `name ${action.id}`)}
        onColor={(color) => set({ color }, "color")}
      />
      <Beside problems={own} />
      <From action={action} />

      <section className={styles.section} aria-label="Steps when triggered">
        <h2>Steps when triggered…</h2>
        <p className={styles.hint}>Steps are run one after another. If one fails, those after it do not run.</p>
        <StepList action={action} problems={about(problems, "action", action.id)} />
        {!isReadOnly && <NewStep action={action} />}
      </section>

      <Requirements action={action} />

      <section className={styles.section} aria-label="After the action">
        <h2>After the action is completed…</h2>
        <Select label="Where to go" hideLabel value={action.after ?? "stay"} onChange={(id) => set({ after: id === "stay" ? undefined : (id as After) })} options={AFTER} isDisabled={isReadOnly} />
        <Checkbox value={!!action.celebrate} onChange={(celebrate) => set({ celebrate: celebrate || undefined })} isDisabled={isReadOnly}>
          Celebrate with confetti
        </Checkbox>
      </section>

      <section className={styles.section} aria-label="Confirmation">
        <h2>Before it is performed…</h2>
        <Checkbox value={action.confirm !== undefined} onChange={(isOn) => set({ confirm: isOn ? `${action.name}?` : undefined })} isDisabled={isReadOnly}>
          Ask for confirmation
        </Checkbox>
        {action.confirm !== undefined && (
          <TextField label="What is asked" rows={2} value={action.confirm} onChange={(confirm) => set({ confirm }, "confirm")} maxLength={300} isReadOnly={isReadOnly} />
        )}
      </section>

      <section className={styles.section} aria-label="On failure">
        <h2>If a step fails…</h2>
        <Select label="What becomes of earlier steps" hideLabel value={action.on_failure ?? "keep"} onChange={(id) => set({ on_failure: id === "revert" ? "revert" : undefined })} options={ON_FAILURE} isDisabled={isReadOnly} />
      </section>

      {!isReadOnly && (
        <div className={styles.buttons}>
          <Button small icon={<Copy aria-hidden />} onPress={duplicate}>
            Duplicate
          </Button>
          <Button small icon={<Trash2 aria-hidden />} onPress={onRemove}>
            Remove the action
          </Button>
        </div>
      )}
    </>
  );
}

/** The stages in which it is offered: an arrow each, for hands that draw none. */
function From({ action }: { action: Action }) {
  const { document, edit, problems, isReadOnly } = useBuilder();
  const others = stagesOf(document).filter((it) => !action.from.includes(it.name));
  const leave = (name: string) => edit((it) => changeAction(it, action.id, { from: action.from.filter((one) => one !== name) }));
  return (
    <section className={styles.section} aria-label="Offered in">
      <h2>Offered in</h2>
      {action.from.length === 0 && <p className={styles.hint}>No stage yet. Drag an arrow from a stage to it, or choose one here.</p>}
      <ul className={styles.chips}>
        {action.from.map((name) => (
          <li key={name} className={styles.chip}>
            <Dot color={stageByName(document, name)?.color} />
            <span>{name}</span>
            {!isReadOnly && <IconButton small label={`No longer in ${name}`} icon={<X />} onPress={() => leave(name)} />}
          </li>
        ))}
      </ul>
      <Beside problems={ofItself(problems, action.id, "/from")} />
      {!isReadOnly && others.length > 0 && (
        <Menu label="Stages" groups={[{ id: "stages", entries: others.map((it) => ({ id: it.id, name: it.name, icon: <Dot color={it.color} /> })) }]} onChoose={(id) => edit((it) => offer(it, action.id, id, true))}>
          <AriaButton className={styles.add!}>
            <Plus aria-hidden />
            Offer in a stage
          </AriaButton>
        </Menu>
      )}
    </section>
  );
}
