// Whoever is signed in: their name, their password, how pages look, and what they may do where.
import { useMutation, useQuery } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { rolesQuery } from "../../api/administration";
import { answer, client } from "../../api/client";
import { type Session, useSession } from "../../api/session";
import { fullName } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { RadioGroup } from "../../parts/Field";
import { Avatar, Badge } from "../../parts/Marks";
import { Card, Page } from "../../parts/Page";
import { PasswordField, isPassword } from "../../parts/PasswordField";
import { Row, Rows } from "../../parts/Rows";
import { Notice } from "../../parts/States";
import { say, told } from "../../parts/Toasts";
import { signOut } from "../../shell/signOut";
import { THEMES, useTheme } from "../../shell/theme";
import styles from "./AccountPage.module.css";

export function Component() {
  const session = useSession();
  return (
    <main id="main">
      <Page
        narrow
        title="Account"
        actions={
          <Button icon={<LogOut aria-hidden />} onPress={signOut}>
            Sign out
          </Button>
        }
      >
        {session.user && (
          <Rows label="You">
            <Row
              lead={<Avatar name={fullName(session.user)} />}
              title={fullName(session.user)}
              marks={session.is_administrator && <Badge tone="busy">Workspace administrator</Badge>}
            >
              {session.user.email}
            </Row>
          </Rows>
        )}
        {session.user && <PasswordCard email={session.user.email} />}
        <ThemeCard />
        <RightsCard session={session} />
      </Page>
    </main>
  );
}

function PasswordCard({ email }: { email: string }) {
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const change = useMutation({
    mutationFn: () => answer(client.PUT("/api/v1/session/password", { body: { current_password: current, new_password: wanted } })),
    onSuccess: () => {
      setCurrent("");
      setWanted("");
      say("Your password is changed. Where else you were signed in, you are not any more.");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Card title="Password">
      <form className={styles.form} onSubmit={submit}>
        {change.error && <Notice kind="bad">{told(change.error)}</Notice>}
        {/* So that whoever keeps passwords knows whose this one is. */}
        <input className="unseen" type="text" autoComplete="username" value={email} readOnly tabIndex={-1} aria-hidden />
        <PasswordField label="Current password" value={current} onChange={setCurrent} />
        <PasswordField label="New password" value={wanted} onChange={setWanted} isNew />
        <div>
          <Button type="submit" look="primary" isPending={change.isPending} isDisabled={!current || !isPassword(wanted)}>
            Change password
          </Button>
        </div>
      </form>
    </Card>
  );
}

function ThemeCard() {
  const [theme, choose] = useTheme();
  return (
    <Card title="Appearance">
      <RadioGroup label="Theme" hideLabel value={theme} onChange={choose} options={THEMES} />
    </Card>
  );
}

/** The role from which what one may do follows; an administrator of the workspace may do everything without one. */
function RoleName({ workflow }: { workflow: Session["workflows"][number] }) {
  const { is_administrator } = useSession();
  const roles = useQuery({ ...rolesQuery(workflow.id), enabled: !is_administrator });
  const role = roles.data?.find((it) => it.id === workflow.role_id);
  return role && `${role.name}: `;
}

function rights(workflow: Session["workflows"][number]): string {
  if (workflow.administer) return "everything";
  const may = ["see tasks", ...(workflow.edit ? ["change them"] : []), ...(workflow.perform.length > 0 ? ["perform actions"] : [])];
  return may.join(", ");
}

function RightsCard({ session }: { session: Session }) {
  if (session.workflows.length === 0) return null;
  return (
    <Card title="What you may do">
      <dl className={styles.rights}>
        {session.workflows.map((workflow) => (
          <div key={workflow.id}>
            <dt>
              <Link to={`/workflows/${workflow.id}/tasks`}>{workflow.name}</Link>
            </dt>
            <dd>
              <RoleName workflow={workflow} />
              {rights(workflow)}
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
