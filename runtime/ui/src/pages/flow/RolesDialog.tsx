// The workflow's own roles: what each lets people see, change and perform.
import { type Role, actionsOf, roleNames, rolesOf } from "../../model/flow/document";
import { about } from "../../model/flow/problems";
import { addRole, allowed, changeRole, removeRole } from "../../model/flow/roles";
import { Checkbox, RadioGroup } from "../../parts/Field";
import styles from "./Fields.module.css";
import { NameField } from "./NameColor";
import { PartsDialog } from "./PartsDialog";
import { Beside } from "./Problems";
import { useBuilder } from "./state";

const HINT =
  "Everybody is a Collaborator, who sees and changes tasks and performs every action, unless they are given another role under Team. Administrators may do everything. Whoever has a role that is removed may do nothing here until they are given another one.";

export function RolesDialog({ onClose }: { onClose: () => void }) {
  const { document, saved } = useBuilder();
  return (
    <PartsDialog
      title="Roles"
      hint={HINT}
      parts={rolesOf(document)}
      summary={allowed}
      detail={(role) => <OneRole role={role} />}
      add={(it) => addRole(it, saved.document)}
      newOne="New role"
      remove={removeRole}
      onClose={onClose}
    />
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
