// Signing in.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Navigate, useNavigate, useSearchParams } from "react-router";
import { setupQuery } from "../../api/administration";
import { ApiError, answer, client } from "../../api/client";
import { sessionQuery } from "../../api/queries";
import { useSessionQuery } from "../../api/session";
import { Button } from "../../parts/Button";
import { Entrance } from "../../parts/Entrance";
import { TextField } from "../../parts/Field";
import { PasswordField } from "../../parts/PasswordField";
import { Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";

/** Where to go afterwards: only to a page of our own. */
function target(to: string | null): string {
  return to?.startsWith("/") && !to.startsWith("//") ? to : "/workflows";
}

export function Component() {
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const session = useSessionQuery();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const setup = useQuery(setupQuery);
  const to = target(parameters.get("to"));

  const signIn = useMutation({
    mutationFn: () => answer(client.POST("/api/v1/session", { body: { email, password } })),
    onSuccess: async () => {
      await queries.resetQueries({ queryKey: sessionQuery.queryKey });
      navigate(to, { replace: true });
    },
    onError: () => setPassword(""),
  });
  if (session.data) return <Navigate to={to} replace />;
  if (setup.data?.needed) return <Navigate to="/setup" replace />;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  const isWrong = signIn.error instanceof ApiError && signIn.error.code === "wrong_password";
  return (
    <Entrance title="Sign in">
      <form onSubmit={submit}>
        {signIn.error && (
          <Notice kind="bad">{isWrong ? "That email and password do not belong together." : told(signIn.error)}</Notice>
        )}
        <TextField label="Email" type="email" value={email} onChange={setEmail} autoComplete="username" autoFocus isRequired />
        <PasswordField label="Password" value={password} onChange={setPassword} />
        <Button type="submit" look="primary" isPending={signIn.isPending} isDisabled={!email || !password}>
          Sign in
        </Button>
        <p>Forgotten? An administrator makes you a link for a new password.</p>
      </form>
    </Entrance>
  );
}
