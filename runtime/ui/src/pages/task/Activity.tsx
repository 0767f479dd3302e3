// What became of the task: changes and executions as one story, the newest first. Executions open to their steps.
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { ArrowRight, ChevronRight, CirclePlus, Clock, PencilLine, Trash2, Undo2, Zap } from "lucide-react";
import { useState } from "react";
import { Button as AriaButton, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import { Link } from "react-router";
import type { Schemas } from "../../api/client";
import type { ExecutionItem } from "../../api/executions";
import { EXECUTIONS_MAX, historyQuery, taskExecutionQuery } from "../../api/tasks";
import { executionAddress } from "../../model/addresses";
import { type Activity as Happening, activities, causeWords, changesOf } from "../../model/tasks/activity";
import { ASSIGNED_TO, type Field, type Kind, STAGE } from "../../model/tasks/columns";
import { isEmpty, shown } from "../../model/tasks/values";
import { stateOf } from "../../model/runs/states";
import { fullName } from "../../model/people/person";
import { Button } from "../../parts/Button";
import { Badge } from "../../parts/Marks";
import { Card } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";
import { Ago } from "../../parts/Time";
import { Timeline } from "../../parts/Timeline";
import type { People } from "../../parts/task/people";
import styles from "./Activity.module.css";

type HistoryEntry = Schemas["HistoryEntry"];

interface ActivityProps {
  workflow: string;
  address: string;
  fields: Field[];
  people: People;
  executions: UseQueryResult<ExecutionItem[]>;
}

/** How many are shown at first, and with each press on More. */
const SHOWN = 25;

export function Activity({ workflow, address, fields, people, executions }: ActivityProps) {
  const history = useQuery(historyQuery(workflow, address));
  const [most, setMost] = useState(SHOWN);
  const story = activities(history.data ?? [], executions.data ?? []);
  const error = history.error ?? executions.error;
  const isThere = history.data !== undefined && executions.data !== undefined;
  return (
    <Card title="Activity">
      {isThere ? (
        <ol className={styles.story}>
          {story.slice(0, most).map((it) => (
            <li key={it.key} className={styles.happening}>
              {it.kind === "change" ? (
                <Changed entry={it.entry} fields={fields} people={people} />
              ) : (
                <Performed workflow={workflow} address={address} it={it} fields={fields} people={people} />
              )}
            </li>
          ))}
        </ol>
      ) : error ? (
        <Failed
          error={error}
          onRetry={() => {
            void history.refetch();
            void executions.refetch();
          }}
        />
      ) : (
        <Loading what="What became of it" />
      )}
      {story.length > most && (
        <div>
          <Button small onPress={() => setMost(most + SHOWN)}>
            Show earlier
          </Button>
        </div>
      )}
      {executions.data?.length === EXECUTIONS_MAX && (
        <p className={styles.quiet}>
          Of its executions the last {EXECUTIONS_MAX} are here; <Link to={`/workflows/${encodeURIComponent(workflow)}/executions?task=${encodeURIComponent(address)}`}>all of them are under Executions</Link>.
        </p>
      )}
    </Card>
  );
}

interface Shown {
  fields: Field[];
  people: People;
}

const ICONS: Record<string, typeof Clock> = { created: CirclePlus, changed: PencilLine, reverted: Undo2, redone: PencilLine, scheduled: Clock, deleted: Trash2 };

function Changed({ entry, ...of }: Shown & { entry: HistoryEntry }) {
  const Icon = ICONS[entry.cause] ?? PencilLine;
  const who = entry.performed_by ? fullName(entry.performed_by) : "An action";
  return (
    <>
      <span className={styles.icon}>
        <Icon aria-hidden />
      </span>
      <div className={styles.content}>
        <p>
          <strong>{who}</strong> {causeWords(entry.cause)} <When at={entry.at} />
        </p>
        <Changes entries={[entry]} {...of} />
      </div>
    </>
  );
}

function When({ at }: { at: string }) {
  return (
    <span className={styles.quiet}>
      <Ago at={at} />
    </span>
  );
}

function Performed({ workflow, address, it, ...of }: Shown & { workflow: string; address: string; it: Happening & { kind: "execution" } }) {
  const { execution, changes } = it;
  const state = stateOf(execution.state);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <span className={styles.icon}>
        <Zap aria-hidden />
      </span>
      <div className={styles.content}>
        <p className={styles.performed}>
          <span>
            <strong>{fullName(execution.performed_by)}</strong> performed <Link to={executionAddress(workflow, execution.id)}>{execution.action.name ?? execution.action.id}</Link>
          </span>
          <Badge tone={state.tone}>{state.name}</Badge>
          <When at={execution.created_at} />
        </p>
        <Changes entries={changes} {...of} />
        <Disclosure isExpanded={isOpen} onExpandedChange={setOpen}>
          <Heading level={3} className={styles.heading!}>
            <AriaButton slot="trigger" className={styles.trigger!}>
              <ChevronRight aria-hidden /> Steps
            </AriaButton>
          </Heading>
          <DisclosurePanel>{isOpen && <Steps workflow={workflow} address={address} execution={execution.id} />}</DisclosurePanel>
        </Disclosure>
      </div>
    </>
  );
}

function Steps({ workflow, address, execution }: { workflow: string; address: string; execution: string }) {
  const detail = useQuery(taskExecutionQuery(workflow, address, execution));
  if (detail.data) return <Timeline execution={detail.data} openFailed={false} />;
  return detail.isError ? <Failed error={detail.error} onRetry={() => void detail.refetch()} /> : <Loading what="The steps" />;
}

/** Changes that are shown at once. */
const CHANGES_MAX = 6;

function Changes({ entries, fields, people }: Shown & { entries: HistoryEntry[] }) {
  const [isWhole, setWhole] = useState(false);
  const all = entries.flatMap((entry) => changesOf(entry).map((change) => ({ ...change, key: `${entry.number} ${change.field}`, cause: entry.cause })));
  if (all.length === 0) return null;
  const told = (field: string, value: unknown) => {
    const kind = kindOf(field, fields);
    return isEmpty(value) && kind !== "checkbox" ? <span className={styles.quiet}>empty</span> : <span className={styles.value}>{shown(kind, value, people.names)}</span>;
  };
  return (
    <ul className={styles.changes}>
      {(isWhole ? all : all.slice(0, CHANGES_MAX)).map(({ key, field, before, after, cause }) => (
        <li key={key}>
          <span className={styles.quiet}>{field}</span> {isEmpty(before) ? null : <>{told(field, before)} </>}
          {cause !== "created" && <ArrowRight aria-label="to" />} {told(field, after)}
          {cause === "reverted" && <span className={styles.quiet}> (taken back)</span>}
        </li>
      ))}
      {all.length > CHANGES_MAX && !isWhole && (
        <li>
          <Button small look="quiet" onPress={() => setWhole(true)}>
            {`${all.length - CHANGES_MAX} more`}
          </Button>
        </li>
      )}
    </ul>
  );
}

function kindOf(name: string, fields: Field[]): Kind {
  if (name === STAGE) return "stage";
  if (name === ASSIGNED_TO) return "assignee";
  return fields.find((it) => it.name === name)?.type ?? "text";
}
