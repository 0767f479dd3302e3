// Where a link leads: somebody becomes a user, or a user chooses a new password. The token is in the address's fragment.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link2Off } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { invitedQuery } from "../../api/administration";
import { ApiError, type Schemas, answer, client } from "../../api/client";
import { useSessionQuery } from "../../api/session";
import { fullName } from "../../model/people/person";
import { Button, LinkButton } from "../../parts/Button";
import { Entrance } from "../../parts/Entrance";
import { TextField } from "../../parts/Field";
import { PasswordField, isPassword } from "../../parts/PasswordField";
import { Failed, Loading, Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";

export function Component() {
  const token = useLocation().hash.slice(1);
  const invited = useQuery({ ...invitedQuery(token), enabled: token !== "" });
  if (!token) return <NoLink />;
  if (invited.isPending) return <Loading what="The invitation" />;
  if (invited.isError) {
    if (invited.error instanceof ApiError && invited.error.status === 404) return <NoLink />;
    return <Failed error={invited.error} onRetry={() => void invited.refetch()} />;
  }
  return <Accept key={token} token={token} invited={invited.data} />;
}

function NoLink() {
  return (
    <Entrance title="This link leads nowhere">
      <Notice kind="warn" title={<><Link2Off aria-hidden size={15} /> It was followed or withdrawn, or its time is over</>}>
        Ask an administrator for another one.
      </Notice>
      <LinkButton href="/sign-in">Sign in</LinkButton>
    </Entrance>
  );
}

function Accept({ token, invited }: { token: string; invited: Schemas["InvitationView"] }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const session = useSessionQuery();
  const [firstName, setFirstName] = useState("");
  const [lastName, setLastName] = useState("");
  const [password, setPassword] = useState("");
  const { email, is_new_password: isNewPassword } = invited;
  const [isDone, setDone] = useState(false);

  const accept = useMutation({
    mutationFn: () => {
      const names = isNewPassword ? {} : { first_name: firstName, last_name: lastName };
      return answer(client.POST("/api/v1/invitations/accept", { body: { token, password, ...names } }));
    },
    onSuccess: async () => {
      setDone(true);
      queries.clear();
      await navigate("/workflows", { replace: true });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    accept.mutate();
  };
  if (accept.error instanceof ApiError && accept.error.code === "invitation_not_found") return <NoLink />;
  const other = session.data?.user;
  const isComplete = isPassword(password) && (isNewPassword || (firstName.trim() && lastName.trim()));
  return (
    <Entrance title={isNewPassword ? "Choose a new password" : "Welcome to Onward"}>
      <form onSubmit={submit}>
        {accept.error && <Notice kind="bad">{told(accept.error)}</Notice>}
        {other && other.email !== email && (
          <Notice kind="info">You are signed in as {fullName(other)}. By following this link you sign in as somebody else.</Notice>
        )}
        <p>
          {isNewPassword ? "For " : "You are invited as "}
          <strong>{email}</strong>.
        </p>
        {/* So that whoever keeps passwords knows whose this one is. */}
        <input className="unseen" type="text" autoComplete="username" value={email} readOnly tabIndex={-1} aria-hidden />
        {!isNewPassword && (
          <>
            <TextField label="First name" value={firstName} onChange={setFirstName} autoComplete="given-name" maxLength={100} autoFocus isRequired />
            <TextField label="Last name" value={lastName} onChange={setLastName} autoComplete="family-name" maxLength={100} isRequired />
          </>
        )}
        <PasswordField label={isNewPassword ? "New password" : "Password"} value={password} onChange={setPassword} isNew autoFocus={isNewPassword} />
        <Button type="submit" look="primary" isPending={accept.isPending || isDone} isDisabled={!isComplete}>
          {isNewPassword ? "Set the password and sign in" : "Accept and sign in"}
        </Button>
      </form>
    </Entrance>
  );
}
