// Inviting somebody: their email and roles, then the link that is shown once.
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, answer, client } from "../../api/client";
import { changedRoles } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { Checkbox, TextField } from "../../parts/Field";
import { Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";
import { LinkShown } from "./LinkShown";
import { RoleSelects } from "./RoleSelects";
import { usePeople, useStalePeople } from "./usePeople";

/** The role of whoever was given no other. */
const BY_DEFAULT = "collaborator";

export function InviteDialog({ onClose }: { onClose: () => void }) {
  const { workflows } = usePeople();
  const stale = useStalePeople();
  const [email, setEmail] = useState("");
  const [isAdministrator, setAdministrator] = useState(false);
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const usual = Object.fromEntries(workflows.map((it) => [it.id, BY_DEFAULT]));

  const invite = useMutation({
    mutationFn: () => {
      const roles = isAdministrator ? {} : Object.fromEntries(changedRoles(usual, chosen));
      return answer(client.POST("/api/v1/invitations", { body: { email: email.trim(), is_administrator: isAdministrator, roles } }));
    },
    onSuccess: stale,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!invite.isPending) invite.mutate();
  };
  const another = () => {
    invite.reset();
    setEmail("");
  };
  if (invite.data) {
    return (
      <Modal title={`${invite.data.email} is invited`} isOpen onClose={onClose} isKept>
        <LinkShown made={invite.data} />
        <DialogButtons>
          <Button onPress={another}>Invite another</Button>
          <Button look="primary" onPress={onClose}>
            Done
          </Button>
        </DialogButtons>
      </Modal>
    );
  }
  const isAboutEmail = invite.error instanceof ApiError && ["invalid_user", "name_taken"].includes(invite.error.code);
  return (
    <Modal title="Invite somebody" isOpen onClose={onClose}>
      <form onSubmit={submit} style={{ display: "contents" }}>
        {invite.error && !isAboutEmail && <Notice kind="bad">{told(invite.error)}</Notice>}
        <TextField
          label="Email"
          type="email"
          value={email}
          onChange={setEmail}
          error={isAboutEmail ? told(invite.error) : undefined}
          autoComplete="off"
          autoFocus
          isRequired
        />
        <Checkbox value={isAdministrator} onChange={setAdministrator}>
          Administrator of the workspace
        </Checkbox>
        {isAdministrator ? (
          <p>They will do everything that you may: the team, API keys, secrets, and every workflow.</p>
        ) : (
          <RoleSelects workflows={workflows} roles={{ ...usual, ...chosen }} onChange={setChosen} />
        )}
        <DialogButtons>
          <Button onPress={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isPending={invite.isPending} isDisabled={!email.trim()}>
            Make a link
          </Button>
        </DialogButtons>
      </form>
    </Modal>
  );
}
