// The first run: whoever has the link that the server printed becomes its administrator.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { Navigate, useLocation, useNavigate } from "react-router";
import { setUp, setupQuery } from "../../api/administration";
import { ApiError } from "../../api/client";
import { Button, LinkButton } from "../../parts/Button";
import { Entrance } from "../../parts/Entrance";
import { TextField } from "../../parts/Field";
import { PasswordField, isPassword } from "../../parts/PasswordField";
import { Failed, Loading, Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";

/** The token of what was pasted: a whole link, or the token alone. */
export function tokenOf(pasted: string): string {
  return pasted.slice(pasted.indexOf("#") + 1).trim();
}

export function Component() {
  const setup = useQuery(setupQuery);
  const { hash } = useLocation();
  const [token, setToken] = useState(tokenOf(hash));
  useEffect(() => {
    if (hash.length > 1) setToken(tokenOf(hash));
  }, [hash]);

  if (setup.isPending) return <Loading what="Onward" />;
  if (setup.isError) return <Failed error={setup.error} onRetry={() => void setup.refetch()} />;
  if (!setup.data.needed) {
    return (
      <Entrance title="Onward is set up">
        <p>This server has an administrator. Whoever else is to work here gets an invitation from them.</p>
        <LinkButton look="primary" href="/sign-in">
          Sign in
        </LinkButton>
      </Entrance>
    );
  }
  return token ? <Administrator key={token} token={token} onWrongToken={() => setToken("")} /> : <TokenForm onToken={setToken} />;
}

function TokenForm({ onToken }: { onToken: (token: string) => void }) {
  const [pasted, setPasted] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onToken(tokenOf(pasted));
  };
  return (
    <Entrance title="Set up Onward">
      <form onSubmit={submit}>
        <p>
          When the server started it printed a link that ends in <code>/setup#…</code>, in its log as well. Follow it, or paste it here.
        </p>
        <TextField label="Setup link" value={pasted} onChange={setPasted} autoFocus isRequired mono />
        <Button type="submit" look="primary" isDisabled={!tokenOf(pasted)}>
          Go on
        </Button>
      </form>
    </Entrance>
  );
}

function Administrator({ token, onWrongToken }: { token: string; onWrongToken: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [person, setPerson] = useState({ email: "", first_name: "", last_name: "", password: "" });
  const set = (key: keyof typeof person) => (value: string) => setPerson({ ...person, [key]: value });
  const [isDone, setDone] = useState(false);

  const make = useMutation({
    mutationFn: () => setUp({ token, ...person, email: person.email.trim() }),
    onSuccess: async () => {
      setDone(true);
      queries.clear();
      await navigate("/workflows", { replace: true });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  const code = make.error instanceof ApiError ? make.error.code : undefined;
  if (code === "setup_done") return <Navigate to="/sign-in" replace />;
  const isComplete = person.email && person.first_name.trim() && person.last_name.trim() && isPassword(person.password);
  return (
    <Entrance title="Set up Onward">
      <form onSubmit={submit}>
        {make.error && (
          <Notice kind="bad" {...(code === "wrong_setup_token" && { action: <Button small onPress={onWrongToken}>Paste another link</Button> })}>
            {code === "wrong_setup_token" ? "This link is not the one that the server printed last." : told(make.error)}
          </Notice>
        )}
        <p>You become the administrator of this server. Everybody else comes by your invitation.</p>
        <TextField label="Email" type="email" value={person.email} onChange={set("email")} autoComplete="username" autoFocus isRequired />
        <TextField label="First name" value={person.first_name} onChange={set("first_name")} autoComplete="given-name" maxLength={100} isRequired />
        <TextField label="Last name" value={person.last_name} onChange={set("last_name")} autoComplete="family-name" maxLength={100} isRequired />
        <PasswordField label="Password" value={person.password} onChange={set("password")} isNew />
        <Button type="submit" look="primary" isPending={make.isPending || isDone} isDisabled={!isComplete}>
          Become administrator
        </Button>
      </form>
    </Entrance>
  );
}
