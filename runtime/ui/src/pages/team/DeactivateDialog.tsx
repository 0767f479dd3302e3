// Deactivating somebody, once one knows what becomes of their tasks.
import { useMutation, useQueries, useQuery } from "@tanstack/react-query";
import { answer, client } from "../../api/client";
import { workflowsQuery } from "../../api/queries";
import { countsOf } from "../../api/tasks";
import { type Person, fullName } from "../../model/people/person";
import { Confirm } from "../../parts/Dialog";
import { say } from "../../parts/Toasts";
import styles from "./TeamPage.module.css";
import { useStalePeople } from "./usePeople";

export function DeactivateDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const stale = useStalePeople();
  const name = fullName(person);
  const remove = useMutation({
    mutationFn: () => answer(client.DELETE("/api/v1/users/{user}", { params: { path: { user: person.id } } })),
    onSuccess: async () => {
      say(`${name} is deactivated.`);
      onClose();
      await stale();
    },
  });
  return (
    <Confirm
      title={`Deactivate ${name}?`}
      does="Deactivate"
      danger
      isOpen
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <ul className={styles.consequences}>
        <li>They are signed out at once and cannot sign in any more.</li>
        <Assigned email={person.email} />
        <li>What they have begun goes on: executions that run or wait end as they would have.</li>
        <li>The history keeps their name. An invitation to the same email brings them back.</li>
      </ul>
    </Confirm>
  );
}

/** How many tasks of which workflows become nobody's; without numbers where they cannot be had. */
function Assigned({ email }: { email: string }) {
  const workflows = useQuery(workflowsQuery).data ?? [];
  const _where = JSON.stringify([{ field: "Assigned To", equals: email }]);
  const counts = useQueries({ queries: workflows.map((it) => countsOf(it.id, { _where })) });
  const known = counts.every((it) => it.data);
  const held = workflows.map((it, index) => ({ name: it.name, count: counts[index]!.data?.matching ?? 0 })).filter((it) => it.count > 0);
  if (!known) return <li>Tasks that are assigned to them become unassigned.</li>;
  if (held.length === 0) return <li>No task is assigned to them.</li>;
  const said = held.map((it) => `${it.count} in ${it.name}`).join(", ");
  return (
    <li>
      Tasks that are assigned to them become unassigned: <strong>{said}</strong>.
    </li>
  );
}
