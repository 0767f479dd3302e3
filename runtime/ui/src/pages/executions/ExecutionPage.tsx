// One execution: how it is, why, what can be done about it, and each attempt with what was sent and answered.
import { useQuery } from "@tanstack/react-query";
import { ChevronLeft } from "lucide-react";
import { Link, useParams } from "react-router";
import { ApiError } from "../../api/client";
import type { ExecutionDetail } from "../../api/executions";
import { executionQuery } from "../../api/executions";
import { stateOf } from "../../model/runs/states";
import { fullName } from "../../model/people/person";
import { shortId } from "../../model/runs/tasks";
import { LinkButton } from "../../parts/Button";
import { CopyButton } from "../../parts/Copy";
import { Fact, Facts } from "../../parts/Facts";
import { Badge } from "../../parts/Marks";
import { Card, useTitle } from "../../parts/Page";
import { Empty, Failed, Loading, Notice } from "../../parts/States";
import { Ago, At, Took } from "../../parts/Time";
import { Timeline } from "../../parts/Timeline";
import { Words } from "../../parts/Words";
import { Decisions } from "./Decisions";
import styles from "./Execution.module.css";
import { useActions } from "./names";
import { TaskLink } from "./TaskLink";

export function Component() {
  const { workflow = "", execution = "" } = useParams();
  const { data, error, isPending, refetch } = useQuery(executionQuery(workflow, execution));
  return (
    <main id="main">
      <div className={styles.page}>
        <Link to={`/workflows/${workflow}/executions`} className={styles.back}>
          <ChevronLeft aria-hidden />
          Executions
        </Link>
        {data ? (
          <Whole workflow={workflow} execution={data} />
        ) : isPending ? (
          <Loading what="The execution" />
        ) : error instanceof ApiError && error.status === 404 ? (
          <Empty title="There is no such execution" action={<LinkButton href={`/workflows/${workflow}/executions`}>All executions</LinkButton>}>
            It may be of another workflow, or so old that it is no longer kept.
          </Empty>
        ) : (
          <Failed error={error} onRetry={() => void refetch()} />
        )}
      </div>
    </main>
  );
}

const NONE: never[] = [];

function Whole({ workflow, execution }: { workflow: string; execution: ExecutionDetail }) {
  const actions = useActions(workflow, NONE);
  const name = execution.action?.name ?? actions.find((it) => it.id === execution.action_id)?.name ?? execution.action_id;
  const state = stateOf(execution.state);
  const isOver = state.status !== "Pending";
  useTitle(`${name} · Execution`);
  return (
    <>
      <header className={styles.head}>
        <h1>{name}</h1>
        <Badge tone={state.tone}>{state.name}</Badge>
        <div className={styles.actions}>
          <Decisions workflow={workflow} execution={execution} />
        </div>
      </header>
      <Outcome execution={execution} />
      <Facts>
        <Fact name="Task">
          <TaskLink workflow={workflow} execution={execution} />
        </Fact>
        {execution.performed_by && <Fact name="Performed by">{fullName(execution.performed_by)}</Fact>}
        <Fact name="Performed">
          <At at={execution.created_at} whole /> <span className={styles.quiet}>(<Ago at={execution.created_at} />)</span>
        </Fact>
        <Fact name={isOver ? "Took" : "For"}>
          <Took from={execution.created_at} to={isOver ? execution.updated_at : null} />
        </Fact>
        <Fact name="Version">{execution.version}</Fact>
        {execution.depth > 0 && <Fact name="Called by">{execution.depth === 1 ? "another execution" : `a chain of ${execution.depth} executions`}</Fact>}
        <Fact name="Id">
          <code title={execution.id}>{shortId(execution.id)}</code>
          <CopyButton text={execution.id} look="quiet" />
        </Fact>
      </Facts>
      <Card title="Steps">
        {execution.attempts.length === 0 && !execution.steps?.length && isOver ? <p className={styles.quiet}>No step ran.</p> : <Timeline execution={execution} saysFailure={false} />}
      </Card>
    </>
  );
}

/** Why it is as it is, where that is not plain. */
function Outcome({ execution }: { execution: ExecutionDetail }) {
  const { state, errors, code } = execution;
  if (state === "blocked") {
    return (
      <Notice kind="warn" title="It cannot go on">
        <span>
          <Words text={execution.blocked_by ?? ""} />
        </span>
        <span>{stateOf(state).says}</span>
      </Notice>
    );
  }
  if (!errors?.length) return null;
  const isClosed = state === "dismissed" || state === "cancelled";
  return (
    <Notice kind={isClosed ? "info" : "bad"} title={state === "unknown" ? "Sent, no answer" : undefined}>
      {errors.map((error) => (
        <span key={error}>
          <Words text={error} />
        </span>
      ))}
      {code && <code className={styles.code}>{code}</code>}
    </Notice>
  );
}
