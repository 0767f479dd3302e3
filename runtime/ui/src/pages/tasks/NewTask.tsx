// A new task: every field that people may fill in, with its own input.
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
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
import { say, told } from "../../parts/Toasts";
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

export function NewTask({ workflow, fields, stages, onClose, onMade }: NewTaskProps) {
  const people = usePeople(workflow);
  const title = titleField(fields);
  // What names it first; what nobody may write is filled in by steps.
  const own = [...fields].sort((a, b) => Number(b === title) - Number(a === title)).filter((it) => it.editable || it.required);
  // Who leaves the dialog without giving up finds it as it was.
  const [drafts, setDrafts, forget] = useKept<Record<string, Draft>>(`new-task-${workflow}`, () => ({}));
  const [stage, setStage] = useState<string | null>(null);
  const [assignee, setAssignee] = useState("");
  const [errors, setErrors] = useState<Record<string, string>>({});
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
      <form className={styles.form} onSubmit={submit} noValidate>
        {make.error && !isSaidBeside && <Notice kind="bad">{told(make.error)}</Notice>}
        {own.map((field) => (
          <ValueInput
            key={field.id}
            field={field}
            draft={draftOf(field)}
            onChange={(draft) => setDrafts({ ...drafts, [field.name]: draft })}
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
            onChange={setStage}
            options={stages.map(({ name, color }) => ({ id: name, name, icon: <Dot color={color} /> }))}
            error={errors[STAGE]}
          />
          <PersonChoice label={ASSIGNED_TO} value={assignee} onChange={setAssignee} people={people.list} error={errors[ASSIGNED_TO]} />
        </div>
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
