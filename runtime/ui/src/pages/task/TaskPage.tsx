// One task: where it is and who has it, what can be done with it now, its values, its checklist, what was said and what became of it.
import { useQuery } from "@tanstack/react-query";
import { FileX2 } from "lucide-react";
import { useEffect, useEffectEvent, useMemo } from "react";
import { useNavigate, useParams } from "react-router";
import { ApiError, type Schemas } from "../../api/client";
import { fieldsQuery, stagesQuery } from "../../api/queries";
import { useRights } from "../../api/session";
import type { ExecutionDetail } from "../../api/executions";
import { actionsQuery, keepId, movedQuery, taskExecutionsQuery, taskQuery } from "../../api/tasks";
import { openExecutions } from "../../model/execution/open";
import { taskAddress } from "../../model/addresses";
import { type Field, type Task, addressOf, titleOf } from "../../model/tasks/columns";
import { LinkButton } from "../../parts/Button";
import { useTitle } from "../../parts/Page";
import { Empty, Failed, Loading, Notice } from "../../parts/States";
import { say, told } from "../../parts/Toasts";
import { useMoveDrafts } from "../../parts/useKept";
import { usePeople } from "../../parts/task/people";
import { listAddress } from "../../parts/task/useView";
import { ActionBar } from "./ActionBar";
import { Activity } from "./Activity";
import { Checklist } from "./Checklist";
import { Comments } from "./Comments";
import { Details } from "./Details";
import { ExecutionCard } from "./ExecutionCard";
import { Head } from "./Head";
import { ScheduleNotice } from "./ScheduleNotice";
import { nextInList } from "./nextInList";
import { celebrate } from "./confetti";
import styles from "./TaskPage.module.css";
import { type Performed, usePerform } from "./usePerform";

export function Component() {
  const { workflow = "", task = "" } = useParams();
  const fields = useQuery(fieldsQuery(workflow));
  const values = useQuery(taskQuery(workflow, task));
  useTitle(values.data && fields.data ? titleOf(values.data, fields.data) : "Task");
  const error = values.error ?? fields.error;
  if (isGone(error) && !(values.data && fields.data)) return <Gone workflow={workflow} address={task} />;
  if (values.data && fields.data) return <TaskView key={`${workflow}/${task}`} workflow={workflow} address={task} task={values.data} fields={fields.data} error={values.error} />;
  return (
    <main id="main">
      {error ? (
        <Failed
          error={error}
          onRetry={() => {
            void values.refetch();
            void fields.refetch();
          }}
        />
      ) : (
        <Loading what="The task" />
      )}
    </main>
  );
}

const isGone = (error: unknown) => error instanceof ApiError && error.code === "task_not_found";

function Gone({ workflow, address }: { workflow: string; address: string }) {
  const navigate = useNavigate();
  const moveDrafts = useMoveDrafts();
  const moved = useQuery(movedQuery(workflow, address));
  const to = moved.data;
  const follow = useEffectEvent((now: string) => {
    moveDrafts(workflow, address, now);
    say(`Its Unique ID is ${now} now.`);
    navigate(taskAddress(workflow, now), { replace: true });
  });
  useEffect(() => {
    if (to) follow(to);
  }, [to]);
  return (
    <main id="main">
      {moved.isPending || to ? (
        <Loading what="The task" />
      ) : (
        <Empty icon={<FileX2 aria-hidden />} title="This task is not there" action={<LinkButton href={listAddress(workflow)}>All tasks</LinkButton>}>
          It was deleted, or its Unique ID has changed. Its executions can still be seen under Executions.
        </Empty>
      )}
    </main>
  );
}

/** The same each time, so that nothing is drawn anew for it. */
const NO_STAGES: Schemas["Stage"][] = [];

interface TaskViewProps {
  workflow: string;
  address: string;
  task: Task;
  fields: Field[];
  /** It could not be read anew; what is shown may be old. */
  error: unknown;
}

function TaskView({ workflow, address, task, fields, error }: TaskViewProps) {
  const navigate = useNavigate();
  const moveDrafts = useMoveDrafts();
  const rights = useRights(workflow);
  const people = usePeople(workflow);
  const executions = useQuery(taskExecutionsQuery(workflow, address));
  const actions = useQuery(actionsQuery(workflow, address));
  const { data: stages = NO_STAGES } = useQuery(stagesQuery(workflow));
  const colors = useMemo(() => new Map(stages.map((it) => [it.name, it.color])), [stages]);

  /** The Unique ID by which the page was opened, if it was. */
  const before = address === addressOf(task) ? address : undefined;
  /** With another Unique ID it has another address. */
  const moved = (to: string) => {
    keepId(workflow, address, to);
    moveDrafts(workflow, address, to);
    if (performing.isHere()) navigate(taskAddress(workflow, to), { replace: true });
  };
  const succeeded = async ({ name, after, celebrate: isCelebrated }: Performed, { task_summary }: ExecutionDetail) => {
    say(`${name}: done.`);
    if (isCelebrated) celebrate();
    if (after === "list") navigate(listAddress(workflow));
    else if (after !== "next" && task_summary === null) {
      say("The task is deleted.");
      navigate(listAddress(workflow));
    } else if (after !== "next" && task_summary?.unique_id && before && task_summary.unique_id !== before) {
      moved(task_summary.unique_id);
    }
    if (after === "next") {
      // Without an answer the list itself is next.
      const next = await nextInList(workflow, fields, address).catch(() => null);
      if (!performing.isHere()) return;
      if (next === null) say("There is no other task in the list.");
      navigate(next === null ? listAddress(workflow) : taskAddress(workflow, next));
    }
  };
  const performing = usePerform(workflow, address, succeeded);
  // An action may delete the task: what was begun here is followed to its end, and leads on from there.
  if (isGone(error) && !performing.own && performing.asking === null) return <Gone workflow={workflow} address={address} />;
  const open = openExecutions(executions.data ?? []);
  const shown = open.map((it) => it.id);
  // One that was begun just now may not be in the list yet.
  if (performing.own && !executions.data?.some((it) => it.id === performing.own?.id)) shown.unshift(performing.own.id);
  const pending = open.filter((it) => it.status === "Pending").map((it) => it.action.id);
  if (performing.own) pending.push(performing.own.action.id);

  return (
    <main id="main" className={styles.page}>
      <Head workflow={workflow} address={address} task={task} fields={fields} colors={colors} stages={stages} people={people} canEdit={rights.edit} canMove={rights.edit && rights.administer}>
        {!rights.isArchived && <ActionBar actions={actions} pending={pending} performing={performing} />}
      </Head>
      {error !== null && (
        <Notice kind="warn" title="This may be old">
          {told(error)}
        </Notice>
      )}
      <ScheduleNotice workflow={workflow} address={address} canEdit={rights.edit} colors={colors} />
      {shown.map((id) => (
        <ExecutionCard key={id} workflow={workflow} address={address} execution={id} onRetried={(action) => performing.follow(id, action)} />
      ))}
      <div className={styles.columns}>
        <div className={styles.column}>
          <Details workflow={workflow} address={address} task={task} fields={fields} people={people} colors={colors} canEdit={rights.edit} onMoved={moved} />
          <Comments workflow={workflow} address={address} people={people} canEdit={rights.edit} />
        </div>
        <div className={styles.column}>
          <Checklist workflow={workflow} address={address} stage={task.Stage} stages={stages} people={people} canEdit={rights.edit} />
          <Activity workflow={workflow} address={address} fields={fields} people={people} executions={executions} />
        </div>
      </div>
    </main>
  );
}
