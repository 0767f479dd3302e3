// What a person decides about an execution: Retry, with which version; Dismiss; Cancel. Each says first what it does.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Ban, RotateCcw, X } from "lucide-react";
import { useState } from "react";
import type { ExecutionDetail } from "../../api/executions";
import { cancel, dismiss, retry } from "../../api/executions";
import { useMayDecide, useMayPerform } from "../../api/session";
import { stepName } from "../../model/runs/chain";
import { currentVersionOffer } from "../../model/runs/retrying";
import { possible } from "../../model/runs/states";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { CancelConfirm, DismissConfirm } from "../../parts/EndConfirms";
import { RadioGroup } from "../../parts/Field";
import { SentAgain } from "../../parts/SentAgain";
import { say, sayError } from "../../parts/Toasts";
import { useCurrentVersion } from "./names";

type Asked = "retry" | "cancel" | "dismiss";
type Version = "pinned" | "current";

export function Decisions({ workflow, execution }: { workflow: string; execution: ExecutionDetail }) {
  const queries = useQueryClient();
  const current = useCurrentVersion(workflow);
  const mayDecide = useMayDecide(workflow, execution.action_id);
  const mayPerform = useMayPerform(workflow, execution.action_id);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [version, setVersion] = useState<Version>("pinned");
  const { retry: canRetry, cancel: canCancel, dismiss: canDismiss } = possible(execution.state);
  const able = { retry: mayPerform && canRetry, cancel: mayDecide && canCancel, dismiss: mayDecide && canDismiss };
  const offer = currentVersionOffer(execution, current);

  const decide = useMutation({
    mutationFn: (what: Asked) => {
      if (what === "retry") return retry(workflow, execution.id, offer === "offered" ? version : "pinned");
      return what === "cancel" ? cancel(workflow, execution.id) : dismiss(workflow, execution.id);
    },
    onSuccess: (_, what) => {
      if (what !== "retry") say(what === "cancel" ? "Cancelled." : "Dismissed.");
    },
    // What is not possible now was possible when the page was drawn: it is read anew either way.
    onError: sayError,
    onSettled: async () => {
      setAsked(null);
      await queries.invalidateQueries({ queryKey: ["workflow", workflow, "executions"] });
      void queries.invalidateQueries({ queryKey: ["workflow", workflow, "task"] });
    },
  });

  if (!able.retry && !able.cancel && !able.dismiss) return null;
  const last = execution.attempts.at(-1)?.step;
  const failedAt = last ? `step ${last.number} “${stepName(last, last.number)}”` : "its first step";
  const isUnknown = execution.state === "unknown";
  // Nothing has to be asked where it is plain what comes.
  const pressRetry = () => (isUnknown || offer === "offered" ? setAsked("retry") : decide.mutate("retry"));
  return (
    <>
      {able.cancel && (
        <Button icon={<Ban aria-hidden />} onPress={() => setAsked("cancel")}>
          Cancel it
        </Button>
      )}
      {able.dismiss && (
        <Button icon={<X aria-hidden />} onPress={() => setAsked("dismiss")}>
          Dismiss
        </Button>
      )}
      {able.retry && (
        <Button look="primary" icon={<RotateCcw aria-hidden />} onPress={pressRetry} isPending={decide.isPending && asked === null}>
          {last ? `Retry from step ${last.number}` : "Retry"}
        </Button>
      )}
      <Confirm title="Retry" does="Retry" isOpen={asked === "retry"} isPending={decide.isPending} onConfirm={() => decide.mutate("retry")} onClose={() => setAsked(null)}>
        <p>It goes on from {failedAt}. What the steps before it did stays as it is.</p>
        {isUnknown && <SentAgain />}
        {offer === "offered" && (
          <RadioGroup
            label="With which version of the workflow"
            value={version}
            onChange={(it) => setVersion(it as Version)}
            options={[
              { id: "pinned", name: `Version ${execution.version}, with which it began` },
              { id: "current", name: `Version ${current!.version}, the current one` },
            ]}
          />
        )}
        {offer === "gone" && <p>The current version no longer has this step, so it goes on with version {execution.version}.</p>}
      </Confirm>
      <DismissConfirm isOpen={asked === "dismiss"} isPending={decide.isPending} onConfirm={() => decide.mutate("dismiss")} onClose={() => setAsked(null)} />
      <CancelConfirm isRunning={execution.state === "running"} isOpen={asked === "cancel"} isPending={decide.isPending} onConfirm={() => decide.mutate("cancel")} onClose={() => setAsked(null)} />
    </>
  );
}
