// A role to choose for each workflow.
import { Select } from "../../parts/Field";
import styles from "./TeamPage.module.css";
import type { Administered } from "./usePeople";

interface RoleSelectsProps {
  workflows: Administered[];
  /** Role ids by workflow ids. */
  roles: Record<string, string>;
  onChange: (roles: Record<string, string>) => void;
}

export function RoleSelects({ workflows, roles, onChange }: RoleSelectsProps) {
  if (workflows.length === 0) return null;
  return (
    <fieldset className={styles.roles}>
      <legend>Role in each workflow</legend>
      {workflows.map(({ id, name, roles: own }) => {
        const role = roles[id];
        const known = own ?? [];
        // One that the workflow no longer has stands there until another is chosen.
        const isKnown = role === undefined || known.some((it) => it.id === role);
        return (
          <Select
            key={id}
            label={name}
            value={role ?? null}
            options={isKnown ? known : [...known, { id: role, name: role }]}
            isDisabled={!own}
            {...(!own && { description: "Its roles cannot be read at the moment." })}
            onChange={(chosen) => onChange({ ...roles, [id]: chosen })}
          />
        );
      })}
    </fieldset>
  );
}
