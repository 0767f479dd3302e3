// The error card: which step failed, whom it called, what came back in whose words, what has happened already, and what one can do.
import { useMutation, useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleHelp, RotateCw } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { ExecutionDetail } from "../../api/executions";
import { dismiss as dismissed, retry as retried } from "../../api/executions";
import { queryClient } from "../../api/queries";
import { useMayDecide, useMayPerform } from "../../api/session";
import { actionsQuery, historyQuery } from "../../api/tasks";
import { actionName } from "../../model/execution/progress";
import { executionAddress } from "../../model/addresses";
import { type ErrorCard, type NamedStep, errorCard } from "../../model/execution/errorCard";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { DismissConfirm } from "../../parts/EndConfirms";
import { SentAgain } from "../../parts/SentAgain";
import { Ago } from "../../parts/Time";
import { sayError } from "../../parts/Toasts";
import styles from "./ErrorCardView.module.css";
import type { Performed } from "./usePerform";

interface ErrorCardViewProps {
  workflow: string;
  address: string;
  execution: ExecutionDetail;
  onRetried: (action: Performed) => void;
}

export function ErrorCardView({ workflow, address, execution, onRetried }: ErrorCardViewProps) {
  const history = useQuery(historyQuery(workflow, address));
  const actions = useQuery(actionsQuery(workflow, address));
  const mayRetry = useMayPerform(workflow, execution.action_id);
  const mayDismiss = useMayDecide(workflow, execution.action_id);
  const [asked, setAsked] = useState<"retry" | "dismiss" | null>(null);
  const card = errorCard(execution, history.data);
  const fresh = () => queryClient.invalidateQueries({ queryKey: ["workflow", workflow, "task", address] });
  const retry = useMutation({
    mutationFn: () => retried(workflow, execution.id, "pinned"),
    onSuccess: () => onRetried(actions.data?.find((it) => it.id === execution.action_id) ?? { id: execution.action_id, name }),
    onError: sayError,
    onSettled: () => {
      setAsked(null);
      return fresh();
    },
  });
  const dismiss = useMutation({
    mutationFn: () => dismissed(workflow, execution.id),
    onError: sayError,
    onSettled: () => {
      setAsked(null);
      return fresh();
    },
  });
  const name = actionName(execution);
  if (!card || card.outcome === "cancelled") return null;
  const isUnknown = card.outcome === "unknown";
  return (
    <section className={`${styles.card} ${isUnknown ? styles.unknown : ""}`} role="alert" aria-label={`${name} failed`}>
      <span className={styles.icon}>{isUnknown ? <CircleHelp aria-hidden /> : <CircleAlert aria-hidden />}</span>
      <div className={styles.content}>
        <h2 className={styles.title}>
          {headline(card, name)}
          {/* It ticks, and is not to be announced each time. */}
          <span className={styles.quiet} aria-live="off">
            <Ago at={execution.updated_at} />
          </span>
        </h2>
        <Said card={card} />
        <Happened card={card} />
        <div className={styles.buttons}>
          {mayRetry && (
            <Button look="primary" icon={<RotateCw aria-hidden />} onPress={() => (isUnknown ? setAsked("retry") : retry.mutate())} isPending={retry.isPending} isDisabled={dismiss.isPending}>
              {card.step ? `Retry from step ${card.step.number}` : "Retry"}
            </Button>
          )}
          {mayDismiss && (
            <Button onPress={() => setAsked("dismiss")} isPending={dismiss.isPending} isDisabled={retry.isPending}>
              Dismiss
            </Button>
          )}
          <Link to={executionAddress(workflow, execution.id)}>Request and answer</Link>
        </div>
      </div>
      <Confirm title="Retry" does="Retry" isOpen={asked === "retry"} isPending={retry.isPending} onConfirm={() => retry.mutate()} onClose={() => setAsked(null)}>
        {card.step && <p>It goes on from step {card.step.number}, {card.step.name}. What the steps before it did stays as it is.</p>}
        <SentAgain />
      </Confirm>
      <DismissConfirm isOpen={asked === "dismiss"} isPending={dismiss.isPending} onConfirm={() => dismiss.mutate()} onClose={() => setAsked(null)} />
    </section>
  );
}

function headline(card: ErrorCard, name: string): string {
  if (!card.step) return `${name} failed before its first step`;
  const { number, name: step, tries } = card.step;
  const tried = tries > 1 ? ` after ${tries} tries` : "";
  return card.outcome === "unknown" ? `${name}: step ${number}, ${step}. Sent, no answer${tried}` : `${name} failed${tried} on step ${number}, ${step}`;
}

function Said({ card }: { card: ErrorCard }) {
  const { host, status, words, fields, messages, isRefusal, step } = card;
  return (
    <>
      {status && (
        <p>
          {host && <code>{host}</code>} answered <strong>{status}</strong>
        </p>
      )}
      {words && <blockquote className={styles.words}>{words}</blockquote>}
      {!isRefusal && messages.map((it) => <p key={it}>{it}</p>)}
      {fields.length > 0 && (
        <ul className={styles.list}>
          {fields.map(([field, said]) => (
            <li key={field}>
              <strong>{field}</strong> {said.join("; ")}
            </li>
          ))}
        </ul>
      )}
      {!status && host && !messages.some((it) => it.includes(host)) && (
        <p>
          It had to do with <code>{host}</code>.
        </p>
      )}
      {!step && messages.length === 0 && <p>The server does not say why.</p>}
    </>
  );
}

function Happened({ card }: { card: ErrorCard }) {
  const { done, left, effect, changed } = card;
  if (done.length === 0 && left.length === 0) return null;
  return (
    <dl className={styles.happened}>
      {done.length > 0 && (
        <>
          <dt>Done before</dt>
          <dd>
            <Steps steps={done} />
            {effect === "reverted" && <>. What was changed in {listed(changed)} was taken back.</>}
            {effect === "kept" && (changed.length > 0 ? <>. What was changed in {listed(changed)} stays.</> : <>. What they did stays.</>)}
            {effect === "none" && <>. Nothing was changed in the task.</>}
          </dd>
        </>
      )}
      {left.length > 0 && (
        <>
          <dt>Did not run</dt>
          <dd>
            <Steps steps={left} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Steps({ steps }: { steps: NamedStep[] }) {
  return <>{steps.map((it) => `${it.number} ${it.name}`).join(", ")}</>;
}

function listed(names: string[]): string {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
