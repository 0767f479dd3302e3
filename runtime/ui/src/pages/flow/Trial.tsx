// Trying a step on a task: exactly what is sent, exactly what comes back, and what it would do to the task.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { type StepTrial, tryStep } from "../../api/definitions";
import { answer, client } from "../../api/client";
import { type Action, type Step, fieldsOf, same } from "../../model/flow/document";
import { type Task, addressOf, titleOf } from "../../model/tasks/columns";
import { putStep } from "../../model/flow/steps";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/Copy";
import { Checkbox, Select, TextField } from "../../parts/Field";
import { HttpRecord } from "../../parts/HttpRecord";
import { Badge } from "../../parts/Marks";
import { Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";
import styles from "./Form.module.css";
import { useBuilder } from "./state";

interface Props {
  action: Action;
  step: Step;
  faults: number;
  onClose: () => void;
}

const OTHER = "";
const SHOWN_MAX = 50;

export function Trial({ action, step, faults, onClose }: Props) {
  const { workflow, document, saved } = useBuilder();
  const whole = useMemo(() => putStep(document, action.id, step), [document, action.id, step]);
  const isSaved = same(whole, saved.document);
  const tasks = useTasks();
  const [chosen, setChosen] = useState<string>();
  const [typed, setTyped] = useState("");
  const [isApplied, setApplied] = useState(false);
  const task = (chosen ?? tasks?.[0]?.id ?? OTHER) || typed.trim();
  const own = useRef<HTMLElement>(null);
  useEffect(() => {
    // Some browsers answer with a promise, which is nothing that an effect may return.
    own.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const trial = useMutation({
    mutationFn: () => tryStep(workflow, { ...(!isSaved && { document: whole }), action: action.id, step: step.id, task_id: task, ...(isSaved && isApplied && { apply: true }) }),
  });
  return (
    <section className={styles.trial} aria-label="Test" ref={own}>
      <div className={styles.trialRow}>
        <Select label="Task to test with" value={chosen ?? tasks?.[0]?.id ?? OTHER} onChange={setChosen} options={[...(tasks ?? []), { id: OTHER, name: "Another task" }]} />
        {(chosen ?? tasks?.[0]?.id ?? OTHER) === OTHER && <TextField label="Its ID" value={typed} onChange={setTyped} />}
        <Button look="primary" icon={<Play aria-hidden />} onPress={() => trial.mutate()} isPending={trial.isPending} isDisabled={task === "" || faults > 0}>
          Run the test
        </Button>
        <Button look="quiet" onPress={onClose}>
          Close
        </Button>
      </div>
      <p className={styles.description}>
        {faults > 0 ? "Fill in what is needed first." : "The step really runs: a call goes out. The task stays as it is"}
        {faults > 0 ? "" : isSaved ? ", unless you say otherwise." : "."}
      </p>
      {isSaved && (
        <Checkbox value={isApplied} onChange={setApplied}>
          Change the task as the answer says
        </Checkbox>
      )}
      {trial.isError && <Notice kind="bad" title="It could not be tested">{told(trial.error)}</Notice>}
      {trial.data && <Outcome trial={trial.data} />}
    </section>
  );
}

function useTasks(): { id: string; name: string }[] | undefined {
  const { workflow, saved } = useBuilder();
  const found = useQuery({
    queryKey: ["workflow", workflow, "tasks", "to-test-with"],
    queryFn: () => answer(client.GET("/api/v1/workflows/{workflow}/tasks", { params: { path: { workflow }, query: { _limit: SHOWN_MAX } as never } })),
  });
  return useMemo(() => {
    const fields = fieldsOf(saved.document);
    return (found.data as Task[] | undefined)?.map((task) => {
      const [id, title] = [addressOf(task), titleOf(task, fields)];
      return { id, name: title === id ? id : `${id}: ${title}` };
    });
  }, [found.data, saved.document]);
}

const TONES = { succeeded: "good", failed: "bad", unknown: "warn" } as const;
const WORDS = { succeeded: "Succeeded", failed: "Failed", unknown: "Sent, no answer" } as const;

function Outcome({ trial }: { trial: StepTrial }) {
  const outcome = trial.outcome as keyof typeof TONES;
  return (
    <div className={styles.form} role="status">
      <p>
        <Badge tone={TONES[outcome]}>{WORDS[outcome]}</Badge> {trial.message}
      </p>
      {trial.warnings.map((it, index) => (
        <Notice key={index} kind="warn">
          {it}
        </Notice>
      ))}
      {trial.record && <HttpRecord record={trial.record} />}
      <Effects trial={trial} />
    </div>
  );
}

function Effects({ trial }: { trial: StepTrial }) {
  const said = [
    trial.deletes_task && "The task would be deleted.",
    trial.ends_action && "The action would end here.",
    trial.waits_until && `The next step would wait until ${new Date(trial.waits_until).toLocaleString()}.`,
    trial.schedules && `The stage would change later: ${JSON.stringify(trial.schedules)}`,
  ].filter((it): it is string => typeof it === "string");
  return (
    <>
      {trial.patch && <Shown title={trial.applied ? "Changed in the task" : "What it would change in the task"} text={JSON.stringify(trial.patch, null, 2)} />}
      {said.map((it) => (
        <p key={it}>{it}</p>
      ))}
      {outcomeIsQuiet(trial) && <p className={styles.hint}>The task stays as it is.</p>}
    </>
  );
}

const outcomeIsQuiet = (trial: StepTrial) => trial.outcome === "succeeded" && !trial.patch && !trial.deletes_task && !trial.schedules;

function Shown({ title, text }: { title: string; text: string }) {
  return (
    <div className={styles.exchange}>
      <div className={styles.exchangeHead}>
        <h3>{title}</h3>
        <CopyButton text={text} />
      </div>
      <pre className={styles.wire} tabIndex={0} aria-label={title}>
        {text}
      </pre>
    </div>
  );
}
