// Links that nobody has followed yet, and taking one back.
import { useMutation, useQuery } from "@tanstack/react-query";
import { KeyRound, Mail } from "lucide-react";
import { useState } from "react";
import { invitationsQuery } from "../../api/administration";
import { type Schemas, answer, client } from "../../api/client";
import { roleName } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Badge } from "../../parts/Marks";
import { Row, Rows } from "../../parts/Rows";
import { Failed } from "../../parts/States";
import { Ago } from "../../parts/Time";
import { say } from "../../parts/Toasts";
import styles from "./TeamPage.module.css";
import { type Administered, usePeople, useStalePeople } from "./usePeople";

type Invitation = Schemas["Invitation"];

export function Invitations() {
  const invitations = useQuery(invitationsQuery);
  const { workflows } = usePeople();
  const [revoked, setRevoked] = useState<Invitation>();
  if (invitations.isError && !invitations.data) {
    return <Failed error={invitations.error} onRetry={() => void invitations.refetch()} />;
  }
  if (!invitations.data?.length) return null;
  return (
    <section className={styles.section} aria-labelledby="invitations">
      <h2 id="invitations">Links that wait to be followed</h2>
      <Rows label="Links that wait to be followed">
        {invitations.data.map((it) => (
          <InvitationRow key={it.id} invitation={it} workflows={workflows} onRevoke={() => setRevoked(it)} />
        ))}
      </Rows>
      {revoked && <RevokeDialog invitation={revoked} onClose={() => setRevoked(undefined)} />}
    </section>
  );
}

function InvitationRow({ invitation, workflows, onRevoke }: { invitation: Invitation; workflows: Administered[]; onRevoke: () => void }) {
  const roles = workflows.filter((it) => invitation.roles[it.id]);
  return (
    <Row
      lead={invitation.is_new_password ? <KeyRound aria-hidden /> : <Mail aria-hidden />}
      title={invitation.email}
      marks={
        <>
          <Badge tone="quiet">{invitation.is_new_password ? "New password" : "Invitation"}</Badge>
          {invitation.is_administrator && !invitation.is_new_password && <Badge tone="busy">Workspace administrator</Badge>}
          {invitation.has_expired && <Badge tone="warn">Expired</Badge>}
        </>
      }
      end={
        <Button look="quiet" small onPress={onRevoke} aria-label={`Revoke the link for ${invitation.email}`}>
          Revoke
        </Button>
      }
    >
      <span>
        {invitation.has_expired ? "Ended" : "Ends"} <Ago at={invitation.expires_at} />
      </span>
      {roles.map((it) => (
        <span key={it.id} className={styles.role}>
          {it.name}: <b>{roleName(it.roles, invitation.roles[it.id]!)}</b>
        </span>
      ))}
    </Row>
  );
}

function RevokeDialog({ invitation, onClose }: { invitation: Invitation; onClose: () => void }) {
  const stale = useStalePeople();
  const revoke = useMutation({
    mutationFn: () => answer(client.DELETE("/api/v1/invitations/{invitation}", { params: { path: { invitation: invitation.id } } })),
    onSuccess: async () => {
      say("The link is worth nothing any more.");
      onClose();
      await stale();
    },
  });
  return (
    <Confirm
      title={`Revoke the link for ${invitation.email}?`}
      does="Revoke"
      danger
      isOpen
      isPending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    >
      <p>Who follows it from now on is told to ask for another one.</p>
    </Confirm>
  );
}
