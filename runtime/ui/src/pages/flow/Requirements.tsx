// What must hold before an action is performed: fields, checklist, somebody assigned, roles, conditions of one's own.
import { Plus, X } from "lucide-react";
import type { ReactNode } from "react";
import { Button as AriaButton } from "react-aria-components";
import { subjects, testOf } from "../../model/flow/conditions";
import { type Action, type Condition, type Requires, fieldsOf, roleNames } from "../../model/flow/document";
import { changeAction, tidy } from "../../model/flow/edit";
import { ofItself } from "../../model/flow/problems";
import { IconButton } from "../../parts/Button";
import { Checkbox, RadioGroup, TextField } from "../../parts/Field";
import { Menu } from "../../parts/Menu";
import styles from "./Panel.module.css";
import { Beside } from "./Problems";
import { Tests } from "./Tests";
import { useBuilder } from "./state";

const ANY = "any";

export function Requirements({ action }: { action: Action }) {
  const { document, edit, problems, isReadOnly } = useBuilder();
  const requires: Requires = action.requires ?? {};
  const set = (change: { [K in keyof Requires]?: Requires[K] | undefined }, key?: string) => {
    const next = tidy({ ...requires, ...change }) as Requires;
    edit((it) => changeAction(it, action.id, { requires: Object.keys(next).length > 0 ? next : undefined }), key && `${key} ${action.id}`);
  };
  const conditions = requires.conditions ?? [];
  const setCondition = (at: number, condition: Condition | undefined, key?: string) => {
    const next = conditions.flatMap((it, index) => (index !== at ? [it] : condition ? [condition] : []));
    set({ conditions: next.length > 0 ? next : undefined }, key);
  };
  const add = (id: string) => {
    if (id === "fields") set({ fields: fieldsOf(document).slice(0, 1).map((it) => it.name) });
    else if (id === "checklist") set({ checklist: true });
    else if (id === "assigned") set({ assigned: true });
    else if (id === "roles") set({ roles: ["Administrator"] });
    else set({ conditions: [...conditions, { message: "Not yet", all: [testOf(subjects(document).at(2) ?? subjects(document)[0]!)] }] });
  };
  const entries = [
    { id: "fields", name: "Fields must have a value", isDisabled: !!requires.fields || fieldsOf(document).length === 0 },
    { id: "checklist", name: "The checklist must be completed", isDisabled: !!requires.checklist },
    { id: "assigned", name: "The task must be assigned", isDisabled: !!requires.assigned },
    { id: "roles", name: "Only some roles may perform it", isDisabled: !!requires.roles },
    { id: "condition", name: "A condition of your own" },
  ];
  return (
    <section className={styles.section} aria-label="Requirements">
      <h2>Requirements</h2>
      {requires.fields && (
        <Block title="These fields must have a value" onRemove={isReadOnly ? undefined : () => set({ fields: undefined })}>
          <Choices all={fieldsOf(document).map((it) => it.name)} chosen={requires.fields} isDisabled={isReadOnly} onChange={(fields) => set({ fields })} />
        </Block>
      )}
      {requires.checklist && <Block title="The checklist must be completed" onRemove={isReadOnly ? undefined : () => set({ checklist: undefined })} />}
      {requires.assigned && <Block title="The task must be assigned to somebody" onRemove={isReadOnly ? undefined : () => set({ assigned: undefined })} />}
      {requires.roles && (
        <Block title="Only these roles may perform it" onRemove={isReadOnly ? undefined : () => set({ roles: undefined })}>
          <Choices all={roleNames(document)} chosen={requires.roles} isDisabled={isReadOnly} onChange={(roles) => set({ roles })} />
        </Block>
      )}
      {conditions.map((condition, index) => (
        <Block key={index} title={`Condition ${index + 1}`} onRemove={isReadOnly ? undefined : () => setCondition(index, undefined)}>
          <OwnCondition condition={condition} isDisabled={isReadOnly} onChange={(next, key) => setCondition(index, next, key && `${key} ${index}`)} />
        </Block>
      ))}
      <Beside problems={ofItself(problems, action.id, "/requires")} />
      {!isReadOnly && (
        <Menu label="New requirement" groups={[{ id: "kinds", entries }]} onChoose={add}>
          <AriaButton className={styles.add!}>
            <Plus aria-hidden />
            New requirement
          </AriaButton>
        </Menu>
      )}
    </section>
  );
}

function Block({ title, onRemove, children }: { title: string; onRemove?: (() => void) | undefined; children?: ReactNode }) {
  return (
    <div className={styles.block} role="group" aria-label={title}>
      <div className={styles.blockHead}>
        <h3>{title}</h3>
        {onRemove && <IconButton small label={`Remove: ${title}`} icon={<X />} onPress={onRemove} />}
      </div>
      {children}
    </div>
  );
}

function Choices({ all, chosen, isDisabled, onChange }: { all: string[]; chosen: string[]; isDisabled: boolean; onChange: (chosen: string[]) => void }) {
  // A name that is gone is still shown, so that it can be taken away.
  const names = [...all, ...chosen.filter((it) => !all.includes(it))];
  return (
    <div className={styles.checks}>
      {names.map((name) => (
        <Checkbox key={name} value={chosen.includes(name)} isDisabled={isDisabled} onChange={(isOn) => onChange(names.filter((it) => (it === name ? isOn : chosen.includes(it))))}>
          {name}
        </Checkbox>
      ))}
    </div>
  );
}

function OwnCondition({ condition, isDisabled, onChange }: { condition: Condition; isDisabled: boolean; onChange: (condition: Condition, key?: string) => void }) {
  const { document, emails } = useBuilder();
  const tests = condition.all ?? condition.any ?? [];
  const kind = condition.any ? ANY : "all";
  const made = (next: typeof tests, joint = kind): Condition => ({ message: condition.message, [joint]: next });
  return (
    <>
      <TextField label="What is said where it does not hold" value={condition.message} maxLength={300} isReadOnly={isDisabled} onChange={(message) => onChange({ ...condition, message }, "message")} />
      {tests.length > 1 && (
        <RadioGroup label="Holds if" value={kind} onChange={(joint) => onChange(made(tests, joint))} isDisabled={isDisabled} options={[{ id: "all", name: "all of these hold" }, { id: ANY, name: "one of these holds" }]} />
      )}
      <Tests tests={tests} subjects={subjects(document)} emails={emails} isDisabled={isDisabled} onChange={(next, key) => onChange(made(next), key)} />
    </>
  );
}
