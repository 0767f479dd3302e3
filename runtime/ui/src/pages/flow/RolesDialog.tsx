// The workflow's own roles: what each lets people see, change and perform.
import { Plus } from "lucide-react";
import { type Role, actionsOf, roleNames, rolesOf } from "../../model/flow/document";
import { about } from "../../model/flow/problems";
import { addRole, allowed, changeRole, removeRole } from "../../model/flow/roles";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { Checkbox, RadioGroup } from "../../parts/Field";
import styles from "./Fields.module.css";
import { NameField } from "./NameColor";
import { NamedList, useOpenThing } from "./NamedList";
import { Beside } from "./Problems";
import { useBuilder } from "./state";

export function RolesDialog({ onClose }: { onClose: () => void }) {
  const { document, saved, edit, isReadOnly } = useBuilder();
  const { open, setOpen, openNew } = useOpenThing();
  const add = () => {
    let made: string | undefined;
    edit((it) => {
      const done = addRole(it, saved.document);
      made = done.id;
      return done.document;
    });
    openNew(made);
  };
  return (
    <Modal title="Roles" isOpen onClose={onClose} wide isDismissable>
      <p className={styles.hint}>
        Everybody is a Collaborator, who sees and changes tasks and performs every action, unless they are given another role under Team. Administrators may do everything. Whoever has a role that is removed may do nothing here until they are
        given another one.
      </p>
      <NamedList
        things={rolesOf(document)}
        summary={allowed}
        detail={(role) => <OneRole role={role} />}
        open={open}
        onOpen={setOpen}
        isReadOnly={isReadOnly}
        onRemove={(id) => edit((it) => removeRole(it, id))}
      />
      {!isReadOnly && (
        <div>
          <Button icon={<Plus aria-hidden />} onPress={add}>
            New role
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

const PERFORMS = [
  { id: "all", name: "Performs every action, including those added later" },
  { id: "some", name: "Performs only these" },
];

function OneRole({ role }: { role: Role }) {
  const { document, edit, problems, isReadOnly } = useBuilder();
  const set = (change: Parameters<typeof changeRole>[2], key?: string) => edit((it) => changeRole(it, role.id, change), key && `${key} ${role.id}`);
  const { perform } = role;
  const actions = actionsOf(document).map((it) => it.name);
  return (
    <>
      <NameField label="Name" name={role.name} taken={roleNames(document).filter((it) => it !== role.name)} isDisabled={isReadOnly} onName={(name) => set({ name }, "name")} />
      <div className={styles.checks}>
        <Checkbox value={!!role.admin} onChange={(it) => set({ admin: it || undefined })} isDisabled={isReadOnly}>
          Administers the workflow: may do everything in it
        </Checkbox>
        {!role.admin && (
          <>
            <Checkbox value={role.view !== false} onChange={(it) => set({ view: it ? undefined : false })} isDisabled={isReadOnly}>
              Sees the workflow and its tasks
            </Checkbox>
            <Checkbox value={role.view !== false && role.edit !== false} onChange={(it) => set({ edit: it ? undefined : false })} isDisabled={isReadOnly || role.view === false}>
              Makes, changes and deletes tasks
            </Checkbox>
          </>
        )}
      </div>
      {!role.admin && role.view !== false && (
        <RadioGroup label="Actions" value={perform ? "some" : "all"} onChange={(it) => set({ perform: it === "all" ? undefined : [] })} options={PERFORMS} isDisabled={isReadOnly} />
      )}
      {!role.admin && role.view !== false && perform && (
        <div className={styles.checks} role="group" aria-label="Actions that it performs">
          {actions.length === 0 && <p className={styles.hint}>There is no action yet.</p>}
          {actions.map((name) => (
            <Checkbox key={name} value={perform.includes(name)} onChange={(isOn) => set({ perform: actions.filter((it) => (it === name ? isOn : perform.includes(it))) })} isDisabled={isReadOnly}>
              {name}
            </Checkbox>
          ))}
        </div>
      )}
      <Beside problems={about(problems, "role", role.id)} />
    </>
  );
}
