// A new task: every field that people may fill in, with its own input.
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError, type Schemas } from "../../api/client";
import { queryClient } from "../../api/queries";
import { makeTask } from "../../api/tasks";
import { ASSIGNED_TO, type Field, STAGE, type Task, titleField } from "../../model/tasks/columns";
import { type Draft, fromDraft, isEmpty, toDraft } from "../../model/tasks/values";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { Select } from "../../parts/Field";
import { Dot } from "../../parts/Marks";
import { Notice } from "../../parts/States";
import { hasNoAnswer, say, told } from "../../parts/Toasts";
import { useKept } from "../../parts/useKept";
import styles from "./NewTask.module.css";
import { usePeople } from "../../parts/task/people";
import { PersonChoice, ValueInput } from "../../parts/task/ValueInput";

interface NewTaskProps {
  workflow: string;
  fields: Field[];
  stages: Schemas["Stage"][];
  onClose: () => void;
  onMade: (task: Task) => void;
}

interface Kept {
  drafts: Record<string, Draft>;
  stage: string | null;
  assignee: string;
}

export function NewTask({ workflow, fields, stages, onClose, onMade }: NewTaskProps) {
  const people = usePeople(workflow);
  const title = titleField(fields);
  // What names it first; what nobody may write is filled in by steps.
  const own = [...fields].sort((a, b) => Number(b === title) - Number(a === title)).filter((it) => it.editable || it.required);
  // Who leaves the dialog without giving up finds it as it was.
  const [{ drafts, stage, assignee }, setKept, forget] = useKept<Kept>(`new-task-${workflow}`, () => ({ drafts: {}, stage: null, assignee: "" }));
  const change = (to: Partial<Kept>) => setKept({ drafts, stage, assignee, ...to });
  const [errors, setErrors] = useState<Record<string, string>>({});
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (Object.keys(errors).length > 0) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [errors]);
  const draftOf = (field: Field) => drafts[field.name] ?? toDraft(field, undefined);

  const make = useMutation({
    mutationFn: (values: Record<string, unknown>) => makeTask(workflow, fields, values),
    onSuccess: (task) => {
      forget();
      void queryClient.invalidateQueries({ queryKey: ["workflow", workflow] });
      say("The task is there.");
      onMade(task);
    },
    onError: (error) => {
      // It may be in the list all the same.
      if (hasNoAnswer(error)) void queryClient.invalidateQueries({ queryKey: ["workflow", workflow] });
      if (error instanceof ApiError) setErrors(Object.fromEntries(Object.entries(error.fields).map(([field, said]) => [field, said.join("; ")])));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (make.isPending) return;
    const values: Record<string, unknown> = {};
    const wrong: Record<string, string> = {};
    for (const field of own) {
      const read = fromDraft(field, draftOf(field));
      if ("error" in read) wrong[field.name] = read.error;
      else if (!isEmpty(read.value)) values[field.name] = read.value;
    }
    if (stage) values[STAGE] = stage;
    if (assignee) values[ASSIGNED_TO] = assignee;
    setErrors(wrong);
    if (Object.keys(wrong).length === 0) make.mutate(values);
  };
  const known = [...own.map((it) => it.name), STAGE, ASSIGNED_TO];
  const isSaidBeside = make.error instanceof ApiError && Object.keys(make.error.fields).some((it) => known.includes(it));
  return (
    <Modal title="New task" isOpen onClose={onClose}>
      <form ref={form} className={styles.form} onSubmit={submit} noValidate>
        {own.map((field) => (
          <ValueInput
            key={field.id}
            field={field}
            draft={draftOf(field)}
            onChange={(draft) => change({ drafts: { ...drafts, [field.name]: draft } })}
            people={people.list}
            error={errors[field.name] && `${field.name} ${errors[field.name]}`}
            autoFocus={field === own[0]}
            description={field.autoincrement ? "Left empty it gets the next number." : field.required ? "Required" : undefined}
          />
        ))}
        <div className={styles.pair}>
          <Select
            label={STAGE}
            value={stage ?? stages[0]?.name ?? null}
            onChange={(to) => change({ stage: to })}
            options={stages.map(({ name, color }) => ({ id: name, name, icon: <Dot color={color} /> }))}
            error={errors[STAGE]}
          />
          <PersonChoice label={ASSIGNED_TO} value={assignee} onChange={(to) => change({ assignee: to })} people={people.list} error={errors[ASSIGNED_TO]} />
        </div>
        {make.error && !isSaidBeside && <Refused error={make.error} />}
        <DialogButtons>
          <Button
            onPress={() => {
              forget();
              onClose();
            }}
          >
            Cancel
          </Button>
          <Button type="submit" look="primary" isPending={make.isPending}>
            Create task
          </Button>
        </DialogButtons>
      </form>
    </Modal>
  );
}

/** The form may be longer than the page: what is said at its end is brought into sight. */
function Refused({ error }: { error: unknown }) {
  const own = useRef<HTMLDivElement>(null);
  useEffect(() => {
    own.current?.parentElement?.lastElementChild?.scrollIntoView({ block: "nearest" });
  }, [error]);
  return (
    <div ref={own}>
      <Notice kind="bad" title={hasNoAnswer(error) ? "Whether the task was made is not known" : undefined}>
        {told(error)} {hasNoAnswer(error) && "Look for it in the list before you make it once more."}
      </Notice>
    </div>
  );
}
