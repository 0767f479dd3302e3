// Making somebody an administrator of the workspace, or none any more.
import { useMutation } from "@tanstack/react-query";
import { answer, client } from "../../api/client";
import { useSession } from "../../api/session";
import { type Person, fullName } from "../../model/people/person";
import { Confirm } from "../../parts/Dialog";
import { say } from "../../parts/Toasts";
import { useStalePeople } from "./usePeople";

export function AdministratorDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const { user } = useSession();
  const stale = useStalePeople();
  const name = fullName(person);
  const becomes = !person.is_administrator;
  const change = useMutation({
    mutationFn: () =>
      answer(client.PATCH("/api/v1/users/{user}", { params: { path: { user: person.id } }, body: { is_administrator: becomes } })),
    onSuccess: async () => {
      say(becomes ? `${name} is an administrator of the workspace.` : `${name} is no administrator of the workspace any more.`);
      onClose();
      await stale();
    },
  });
  return (
    <Confirm
      title={becomes ? `Make ${name} an administrator?` : `Make ${name} no administrator?`}
      does={becomes ? "Make administrator" : "Make no administrator"}
      danger={!becomes}
      isOpen
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate()}
      onClose={onClose}
    >
      {becomes ? (
        <p>They will do everything that you may: the team, API keys, secrets, and every workflow.</p>
      ) : (
        <p>
          {person.id === user?.id ? "You keep" : "They keep"} the roles in each workflow, and no longer see the team, API keys, secrets, plugins and
          endpoints.
        </p>
      )}
    </Confirm>
  );
}
