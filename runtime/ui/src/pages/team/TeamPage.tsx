// The team: who there is with which roles, who is invited, and what an administrator does about them.
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { useSession } from "../../api/session";
import { type Person, matches } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { TextField } from "../../parts/Field";
import { Page } from "../../parts/Page";
import { Rows } from "../../parts/Rows";
import { Failed, Loading } from "../../parts/States";
import { NotForYou } from "../../shell/Administrators";
import { AdministratorDialog } from "./AdministratorDialog";
import { DeactivateDialog } from "./DeactivateDialog";
import { Invitations } from "./Invitations";
import { InviteDialog } from "./InviteDialog";
import { PasswordLinkDialog } from "./PasswordLinkDialog";
import { type PersonAction, PersonRow } from "./PersonRow";
import { RolesDialog } from "./RolesDialog";
import styles from "./TeamPage.module.css";
import { usePeople } from "./usePeople";

/** From so many people on there is something to search in. */
const SEARCHED_FROM = 8;

export function Component() {
  const { is_administrator, workflows } = useSession();
  return is_administrator || workflows.some((it) => it.administer) ? <Team /> : <NotForYou />;
}

function Team() {
  const { is_administrator } = useSession();
  const [isInviting, setInviting] = useState(false);
  const invite = (
    <Button look="primary" icon={<UserPlus aria-hidden />} onPress={() => setInviting(true)}>
      Invite somebody
    </Button>
  );
  return (
    <main id="main">
      <Page title="Team" actions={is_administrator && invite}>
        <PeopleList />
        {is_administrator && <Invitations />}
      </Page>
      {isInviting && <InviteDialog onClose={() => setInviting(false)} />}
    </main>
  );
}

function PeopleList() {
  const { people, workflows, error, retry } = usePeople();
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState<{ action: PersonAction; person: Person }>();
  if (error) return <Failed error={error} onRetry={retry} />;
  if (!people) return <Loading what="The team" />;
  const shown = people.filter((it) => matches(it, typed));
  // As they are now, should somebody else change them meanwhile.
  const person = people.find((it) => it.id === chosen?.person.id) ?? chosen?.person;
  const close = () => setChosen(undefined);
  return (
    <>
      {people.length >= SEARCHED_FROM && (
        <div className={styles.search}>
          <TextField label="Search people" hideLabel type="search" placeholder="Search people" value={typed} onChange={setTyped} />
        </div>
      )}
      {shown.length > 0 ? (
        <Rows label="People">
          {shown.map((it) => (
            <PersonRow key={it.id} person={it} workflows={workflows} onChoose={(action) => setChosen({ action, person: it })} />
          ))}
        </Rows>
      ) : (
        <p role="status">Nobody is called that.</p>
      )}
      {person && chosen?.action === "roles" && <RolesDialog person={person} workflows={workflows} onClose={close} />}
      {person && chosen?.action === "administrator" && <AdministratorDialog person={person} onClose={close} />}
      {person && chosen?.action === "password" && <PasswordLinkDialog person={person} onClose={close} />}
      {person && chosen?.action === "deactivate" && <DeactivateDialog person={person} onClose={close} />}
    </>
  );
}
