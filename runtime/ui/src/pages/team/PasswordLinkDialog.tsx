// A link with which somebody who has forgotten their password chooses a new one.
import { useMutation } from "@tanstack/react-query";
import { answer, client } from "../../api/client";
import { type Person, fullName } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { Confirm, DialogButtons, Modal } from "../../parts/Dialog";
import { LinkShown } from "./LinkShown";
import { useStalePeople } from "./usePeople";

export function PasswordLinkDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const stale = useStalePeople();
  const make = useMutation({
    mutationFn: () => answer(client.POST("/api/v1/users/{user}/password_link", { params: { path: { user: person.id } } })),
    onSuccess: stale,
  });
  const title = `New password for ${fullName(person)}`;
  if (make.data) {
    return (
      <Modal title={title} isOpen onClose={onClose} isKept>
        <LinkShown made={make.data} />
        <DialogButtons>
          <Button look="primary" onPress={onClose}>
            Done
          </Button>
        </DialogButtons>
      </Modal>
    );
  }
  return (
    <Confirm title={title} does="Make a link" isOpen isPending={make.isPending} error={make.error} onConfirm={() => make.mutate()} onClose={onClose}>
      <p>With the link they choose a new password and are signed in. Until they do, the old one stays good.</p>
    </Confirm>
  );
}
