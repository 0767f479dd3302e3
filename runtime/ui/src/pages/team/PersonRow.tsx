// One person of the team: who they are, their roles, and what can be done about them.
import { Ellipsis, KeyRound, ShieldCheck, ShieldOff, UserCog, UserX } from "lucide-react";
import { useSession } from "../../api/session";
import { type Person, fullName, roleName } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { Avatar, Badge } from "../../parts/Marks";
import { Menu, type MenuEntry } from "../../parts/Menu";
import { Row } from "../../parts/Rows";
import styles from "./TeamPage.module.css";
import type { Administered } from "./usePeople";

export type PersonAction = "roles" | "administrator" | "password" | "deactivate";

/** Of more roles than these the rest is counted. */
const ROLES_SHOWN_MAX = 4;

interface PersonRowProps {
  person: Person;
  workflows: Administered[];
  onChoose: (action: PersonAction) => void;
}

export function PersonRow({ person, workflows, onChoose }: PersonRowProps) {
  const { is_administrator, user } = useSession();
  const name = fullName(person);
  const isSelf = person.id === user?.id;
  const more: MenuEntry[] = is_administrator
    ? [
        person.is_administrator
          ? { id: "administrator", name: "Make no workspace administrator…", icon: <ShieldOff aria-hidden /> }
          : { id: "administrator", name: "Make workspace administrator…", icon: <ShieldCheck aria-hidden /> },
        { id: "password", name: "Link for a new password…", icon: <KeyRound aria-hidden /> },
        ...(isSelf ? [] : [{ id: "deactivate", name: "Deactivate…", icon: <UserX aria-hidden />, danger: true }]),
      ]
    : [];
  return (
    <Row
      lead={<Avatar name={name} />}
      title={name}
      marks={
        <>
          {isSelf && <Badge tone="quiet">You</Badge>}
          {person.is_administrator && <Badge tone="busy">Workspace administrator</Badge>}
        </>
      }
      end={
        <>
          {workflows.length > 0 && (
            <Button look="quiet" small icon={<UserCog aria-hidden />} aria-label={`Roles of ${name}`} onPress={() => onChoose("roles")}>
              Roles
            </Button>
          )}
          {more.length > 0 && (
            <Menu label={`What to do about ${name}`} groups={[{ id: "more", entries: more }]} onChoose={(id) => onChoose(id as PersonAction)}>
              <Button look="quiet" small icon={<Ellipsis aria-hidden />} aria-label={`More about ${name}`}>
                {""}
              </Button>
            </Menu>
          )}
        </>
      }
    >
      <span>{person.email}</span>
      <RolesShown person={person} workflows={workflows} />
    </Row>
  );
}

function RolesShown({ person, workflows }: { person: Person; workflows: Administered[] }) {
  const known = workflows.filter((it) => person.roles[it.id] !== undefined);
  const shown = known.slice(0, ROLES_SHOWN_MAX);
  const left = known.length - shown.length;
  return (
    <>
      {shown.map((it) => (
        <span key={it.id} className={styles.role}>
          {it.name}: <b>{roleName(it.roles, person.roles[it.id]!)}</b>
        </span>
      ))}
      {left > 0 && <span>and {left} more</span>}
    </>
  );
}
