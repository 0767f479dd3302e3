// Which role a person has in each workflow.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answer, client } from "../../api/client";
import { type Person, changedRoles, fullName } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { Notice } from "../../parts/States";
import { say, told } from "../../parts/Toasts";
import { RoleSelects } from "./RoleSelects";
import { type Administered, useStalePeople } from "./usePeople";

export function RolesDialog({ person, workflows, onClose }: { person: Person; workflows: Administered[]; onClose: () => void }) {
  const [roles, setRoles] = useState(person.roles);
  const stale = useStalePeople();
  const changed = changedRoles(person.roles, roles);
  const name = fullName(person);

  const save = useMutation({
    mutationFn: async () => {
      for (const [workflow, role_id] of changed) {
        const path = { workflow, user: person.id };
        await answer(client.PUT("/api/v1/workflows/{workflow}/users/{user}", { params: { path }, body: { role_id } }));
      }
    },
    onSuccess: () => {
      say(`The roles of ${name} are changed.`);
      onClose();
    },
    onSettled: stale,
  });
  return (
    <Modal title={`Roles of ${name}`} isOpen onClose={onClose}>
      {save.error && <Notice kind="bad">{told(save.error)}</Notice>}
      {person.is_administrator && <p>An administrator of the workspace may do everything in every workflow, whatever their role.</p>}
      <RoleSelects workflows={workflows} roles={roles} onChange={setRoles} />
      <DialogButtons>
        <Button onPress={onClose}>Cancel</Button>
        <Button look="primary" isPending={save.isPending} isDisabled={changed.length === 0} onPress={() => save.mutate()}>
          Save
        </Button>
      </DialogButtons>
    </Modal>
  );
}
