// Retrying all that failed and match the filters: how many that is, what it does, and what became of each.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { type BulkRetried, RETRIED_MAX, bulkRetry, retriedCountQuery } from "../../api/executions";
import { executionAddress } from "../../model/addresses";
import type { BulkRetry } from "../../model/runs/filters";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";
import styles from "./Executions.module.css";

interface RetryAllProps {
  workflow: string;
  /** What is asked for; a time that is counted back is counted from when it is pressed. */
  asked: () => BulkRetry;
  /** The filters in words. */
  words: string[];
}

export function RetryAll({ workflow, asked, words }: RetryAllProps) {
  const [open, setOpen] = useState<BulkRetry | null>(null);
  return (
    <>
      <Button icon={<RotateCcw aria-hidden />} onPress={() => setOpen(asked())}>
        Retry all failed
      </Button>
      {/* Without its own state from one time to the next. */}
      {open && <RetryAllDialog workflow={workflow} asked={open} words={words} onClose={() => setOpen(null)} />}
    </>
  );
}

function RetryAllDialog({ workflow, asked, words, onClose }: { workflow: string; asked: BulkRetry; words: string[]; onClose: () => void }) {
  const queries = useQueryClient();
  const count = useQuery({ ...retriedCountQuery(workflow, asked), staleTime: Number.POSITIVE_INFINITY });
  const run = useMutation({
    mutationFn: () => bulkRetry(workflow, asked),
    onSettled: () => queries.invalidateQueries({ queryKey: ["workflow", workflow, "executions", "list"] }),
  });
  const found = count.data;
  return (
    <Modal title="Retry all failed" isOpen onClose={onClose}>
      {run.data ? (
        <Result workflow={workflow} result={run.data} />
      ) : (
        <div className={styles.dialog}>
          <p aria-live="polite">
            {count.isPending ? "Counting what failed…" : found ? <Found count={found.count} isMore={found.isMore} words={words} /> : `What failed could not be counted: ${told(count.error)}`}
          </p>
          {found?.count !== 0 && (
            <p className={styles.quiet}>
              Each goes on from the step that failed, with the version with which it began, the oldest first. Calls of which no answer came are sent again, with the same webhook-id. What was
              dismissed or cancelled stays so.
            </p>
          )}
          {run.error && <Notice kind="bad">{told(run.error)}</Notice>}
        </div>
      )}
      <DialogButtons>
        {run.data ? (
          <>
            {/* The oldest come first: where all of those were refused, they would be again. */}
            {run.data.more && run.data.accepted > 0 && (
              <Button onPress={() => run.mutate()} isPending={run.isPending}>
                Retry the next ones
              </Button>
            )}
            <Button look="primary" onPress={onClose} autoFocus>
              Close
            </Button>
          </>
        ) : (
          <>
            <Button onPress={onClose}>Cancel</Button>
            <Button look="primary" onPress={() => run.mutate()} isPending={run.isPending} isDisabled={count.isPending || found?.count === 0}>
              Retry all
            </Button>
          </>
        )}
      </DialogButtons>
    </Modal>
  );
}

function Found({ count, isMore, words }: { count: number; isMore: boolean; words: string[] }) {
  const which = words.length > 0 ? ` ${words.join(", ")}` : "";
  if (count === 0) return <>Nothing that failed is left to retry{which && `,${which}`}.</>;
  const many = count > RETRIED_MAX || isMore;
  return (
    <>
      <strong>{`${many ? "At least " : ""}${count} ${count === 1 ? "execution" : "executions"}`}</strong> that failed{which ? `,${which},` : ""} {count === 1 ? "is" : "are"} retried
      {many && `, at most ${RETRIED_MAX} at once`}.
    </>
  );
}

/** What became of each: those that were refused, by the reason. */
function Result({ workflow, result }: { workflow: string; result: BulkRetried }) {
  const reasons = new Map<string, string[]>();
  for (const it of result.executions) if ("message" in it) reasons.set(it.message, [...(reasons.get(it.message) ?? []), it.id]);
  return (
    <div className={styles.dialog} role="status">
      <p>
        <strong>{result.accepted === 1 ? "1 execution is" : `${result.accepted} executions are`} retried</strong>
        {result.refused > 0 ? `, ${result.refused} ${result.refused === 1 ? "is" : "are"} not:` : "."}
      </p>
      {reasons.size > 0 && (
        <ul className={styles.reasons}>
          {[...reasons].map(([reason, ids]) => (
            <li key={reason}>
              {reason}{" "}
              {ids.length === 1 ? <Link to={executionAddress(workflow, ids[0]!)}>(1 execution)</Link> : <span className={styles.quiet}>({ids.length} executions)</span>}
            </li>
          ))}
        </ul>
      )}
      {result.more && <p>There are more that match. They are not retried yet.</p>}
    </div>
  );
}
