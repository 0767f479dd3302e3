// An execution that has to do with the task now: how far its chain is, or how it failed.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Check, Clock, LoaderCircle, Minus, X } from "lucide-react";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import type { ExecutionDetail } from "../../api/executions";
import { cancel as cancelled } from "../../api/executions";
import { queryClient } from "../../api/queries";
import { useMayDecide } from "../../api/session";
import { taskExecutionQuery } from "../../api/tasks";
import { executionAddress } from "../../model/addresses";
import { type ChainStep, type StepState, actionName, progress, progressLine } from "../../model/execution/progress";
import { fullName } from "../../model/people/person";
import { stateOf } from "../../model/runs/states";
import { Button } from "../../parts/Button";
import { CancelConfirm } from "../../parts/EndConfirms";
import { Took } from "../../parts/Time";
import { Now } from "../../parts/Timeline";
import { Notice } from "../../parts/States";
import { sayError, told } from "../../parts/Toasts";
import { ErrorCardView } from "./ErrorCardView";
import styles from "./ExecutionCard.module.css";
import type { Performed } from "./usePerform";

interface ExecutionCardProps {
  workflow: string;
  address: string;
  execution: string;
  onRetried: (action: Performed) => void;
}

/** What is done sooner is not shown as something that goes on. */
const SHOWN_AFTER_MS = 250;

export function ExecutionCard({ workflow, address, execution, onRetried }: ExecutionCardProps) {
  const { data, error, refetch } = useQuery(taskExecutionQuery(workflow, address, execution));
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), SHOWN_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!data && error) {
    return (
      <Notice kind="bad" title="An execution of this task could not be read" action={<Button small onPress={() => void refetch()}>Try again</Button>}>
        {told(error)}
      </Notice>
    );
  }
  if (!data) return null;
  if (data.status === "Pending") return isLong ? <Running workflow={workflow} address={address} execution={data} /> : null;
  return <ErrorCardView workflow={workflow} address={address} execution={data} onRetried={onRetried} />;
}

function Running({ workflow, address, execution }: { workflow: string; address: string; execution: ExecutionDetail }) {
  const chain = progress(execution);
  const name = actionName(execution);
  const may = useMayDecide(workflow, execution.action_id);
  const cancel = useMutation({
    mutationFn: () => cancelled(workflow, execution.id),
    onError: sayError,
    onSettled: () => {
      setAsked(false);
      return queryClient.invalidateQueries({ queryKey: ["workflow", workflow, "task", address] });
    },
  });
  const [isAsked, setAsked] = useState(false);
  const isQuiet = execution.state === "running";
  return (
    <section className={styles.card} aria-label={`${name} is under way`}>
      <div className={styles.head}>
        <h2>
          <Link to={executionAddress(workflow, execution.id)}>{name}</Link>
        </h2>
        <span className={styles.quiet}>
          {stateOf(execution.state).name} · <Took from={execution.created_at} to={null} />
          {execution.performed_by && ` · ${fullName(execution.performed_by)}`}
        </span>
        <span className={styles.space} />
        {may && (
          <Button small onPress={() => setAsked(true)} isPending={cancel.isPending}>
            Cancel
          </Button>
        )}
      </div>
      <p className="unseen" role="status">
        {name}: {progressLine(chain)}
      </p>
      <Chain chain={chain} />
      {!isQuiet && <Now execution={execution} />}
      <CancelConfirm isRunning={isQuiet} isOpen={isAsked} isPending={cancel.isPending} onConfirm={() => cancel.mutate()} onClose={() => setAsked(false)} />
    </section>
  );
}

const WORDS: Record<StepState, string> = {
  done: "done",
  running: "under way",
  waiting: "waiting",
  failed: "failed",
  unknown: "sent, no answer",
  skipped: "not needed",
  todo: "to come",
};

function Chain({ chain }: { chain: ChainStep[] }) {
  return (
    <ol className={styles.chain}>
      {chain.map((step) => (
        <li key={step.number} className={`${styles.step} ${styles[step.state]}`} aria-current={step.state === "running" || step.state === "waiting" ? "step" : undefined}>
          <span className={styles.mark}>{markOf(step)}</span>
          <span className={styles.name}>{step.name}</span>
          {step.tries > 1 && step.state !== "done" && <span className={styles.quiet}>try {step.tries}</span>}
          <span className="unseen">: {WORDS[step.state]}</span>
        </li>
      ))}
    </ol>
  );
}

function markOf({ state, number }: ChainStep) {
  switch (state) {
    case "done":
      return <Check aria-hidden />;
    case "running":
      return <LoaderCircle className={styles.turning} aria-hidden />;
    case "waiting":
      return <Clock aria-hidden />;
    case "failed":
    case "unknown":
      return <X aria-hidden />;
    case "skipped":
      return <Minus aria-hidden />;
    default:
      return <span aria-hidden>{number}</span>;
  }
}
