// Beside the table: stages and assignees with how many tasks they have. On a phone two fields above it.
import { Inbox, Layers, UserX, Users } from "lucide-react";
import type { ReactNode } from "react";
import { Button as AriaButton } from "react-aria-components";
import type { Schemas } from "../../api/client";
import type { StageChoice, View } from "../../model/tasks/view";
import { Button } from "../../parts/Button";
import { Select } from "../../parts/Field";
import { Avatar, Dot } from "../../parts/Marks";
import { told } from "../../parts/Toasts";
import styles from "./Facets.module.css";
import { fullName } from "../../model/people/person";

interface FacetsProps {
  view: View;
  onChange: (view: View) => void;
  stages: Schemas["Stage"][];
  /** Of what is looked at. */
  counted: Schemas["TaskCounts"] | undefined;
  error: unknown;
  onRetry: () => void;
}

interface Entry {
  id: string;
  name: string;
  icon: ReactNode;
  count: number | undefined;
  isChosen: boolean;
  view: View;
}

export function Facets({ view, onChange, stages, counted, error, onRetry }: FacetsProps) {
  const groups = [
    { title: "Stage", entries: stageEntries(view, stages, counted) },
    { title: "Assigned To", entries: assigneeEntries(view, counted) },
  ];
  return (
    <>
      <nav className={styles.side} aria-label="Stages and assignees">
        {groups.map(({ title, entries }) => (
          <section key={title} aria-label={title}>
            <h2 className={styles.title}>{title}</h2>
            {entries.map((entry) => (
              <AriaButton key={entry.id} className={`${styles.entry} ${entry.isChosen ? styles.chosen : ""}`} aria-current={entry.isChosen ? "true" : "false"} onPress={() => onChange(entry.view)}>
                <span className={styles.icon}>{entry.icon}</span>
                <span className={styles.name}>{entry.name}</span>
                <span className={styles.count}>{entry.count?.toLocaleString() ?? ""}</span>
              </AriaButton>
            ))}
          </section>
        ))}
        {!counted && error !== null && (
          <>
            <p className={styles.failed}>The counts could not be loaded. {told(error)}</p>
            <Button small onPress={onRetry}>
              Try again
            </Button>
          </>
        )}
      </nav>
      <div className={styles.narrow}>
        {groups.map(({ title, entries }) => (
          <Select
            key={title}
            label={title}
            hideLabel
            value={entries.find((it) => it.isChosen)?.id ?? null}
            onChange={(id) => onChange(entries.find((it) => it.id === id)!.view)}
            options={entries.map((it) => ({ id: it.id, name: it.count === undefined ? it.name : `${it.name} (${it.count.toLocaleString()})`, icon: <span className={styles.icon}>{it.icon}</span> }))}
          />
        ))}
      </div>
    </>
  );
}

function stageEntries(view: View, stages: Schemas["Stage"][], counted: Schemas["TaskCounts"] | undefined): Entry[] {
  const of = (stage: StageChoice) => ({ view: { ...view, stage }, isChosen: view.stage.kind === stage.kind && (stage.kind !== "one" || (view.stage.kind === "one" && view.stage.name === stage.name)) });
  const sum = (wanted: (end: boolean) => boolean) => counted?.stages.filter((it) => wanted(it.end)).reduce((all, it) => all + it.count, 0);
  return [
    { id: "active", name: "Active", icon: <Inbox aria-hidden />, count: sum((end) => !end), ...of({ kind: "active" }) },
    ...stages.map(({ id, name, color }) => ({
      id: `stage-${id}`,
      name,
      icon: <Dot color={color} />,
      count: counted?.stages.find((it) => it.id === id)?.count,
      ...of({ kind: "one", name }),
    })),
    { id: "all", name: "All", icon: <Layers aria-hidden />, count: sum(() => true), ...of({ kind: "all" }) },
  ];
}

function assigneeEntries(view: View, counted: Schemas["TaskCounts"] | undefined): Entry[] {
  const people = counted?.assignees ?? [];
  const all = people.reduce((sum, it) => sum + it.count, 0);
  const of = (assignee: View["assignee"]) => ({ view: { ...view, assignee }, isChosen: view.assignee === assignee });
  const nobody = people.find((it) => it.user === null)?.count ?? 0;
  const known = people.flatMap(({ user, count }) =>
    user ? [{ id: user.id, name: fullName(user), icon: <Avatar name={fullName(user)} />, count, ...of(user.email) }] : [],
  );
  // Whom the address asks for stays to be seen, also where they have nothing any more.
  const { assignee } = view;
  const isMissing = assignee && !known.some((it) => it.isChosen);
  return [
    { id: "everybody", name: "All", icon: <Users aria-hidden />, count: counted ? all : undefined, ...of(undefined) },
    { id: "nobody", name: "Unassigned", icon: <UserX aria-hidden />, count: counted ? nobody : undefined, ...of(null) },
    ...known,
    ...(isMissing ? [{ id: "asked", name: assignee, icon: <Avatar name={assignee} />, count: 0, ...of(assignee) }] : []),
  ];
}
