// The task's values, each written into where it stands.
import { useMutation } from "@tanstack/react-query";
import { Pencil } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { queryClient } from "../../api/queries";
import { taskQuery, writeTask } from "../../api/tasks";
import { CREATED_ON, type Field, type Task, UPDATED_ON, addressOf } from "../../model/tasks/columns";
import { type Draft, type FileEntry, type NewFile, fromDraft, isEmpty, isUnchanged, shown, toDraft } from "../../model/tasks/values";
import { Button, IconButton } from "../../parts/Button";
import { Checkbox } from "../../parts/Field";
import { Card } from "../../parts/Page";
import { taskDrafts, useKept } from "../../parts/useKept";
import { toldOf } from "../../parts/Toasts";
import { CellValue, type StageColors } from "../../parts/task/CellValue";
import { FilesInput, FilesList } from "../../parts/task/FilesInput";
import type { People } from "../../parts/task/people";
import { ValueInput } from "../../parts/task/ValueInput";
import styles from "./Details.module.css";

interface DetailsProps {
  workflow: string;
  address: string;
  task: Task;
  fields: Field[];
  people: People;
  colors: StageColors;
  canEdit: boolean;
  /** The task has another address now. */
  onMoved: (address: string) => void;
}

export function Details({ workflow, address, task, fields, people, colors, canEdit, onMoved }: DetailsProps) {
  const [editing, setEditing] = useState<string | null>(null);
  const saved = (written: Task) => {
    // With another Unique ID it has another address; a page that was opened by the task's id stays where it is.
    const now = addressOf(written);
    const isMoved = now !== addressOf(task) && address === addressOf(task);
    queryClient.setQueryData(taskQuery(workflow, isMoved ? now : address).queryKey, written);
    if (isMoved) onMoved(now);
    else void queryClient.invalidateQueries({ queryKey: ["workflow", workflow, "task", address] });
  };
  return (
    <Card title="Details">
      <dl className={styles.list}>
        {fields.map((field) => (
          <Row
            key={field.id}
            field={field}
            value={task[field.name]}
            people={people}
            colors={colors}
            canEdit={canEdit && field.editable}
            isEditing={editing === field.id}
            draftKey={`${taskDrafts(workflow, address)}value-${field.id}`}
            onEdit={(on) => setEditing(on ? field.id : null)}
            onSave={(value) => writeTask(workflow, address, { [field.name]: value })}
            onSaved={saved}
          />
        ))}
        {([CREATED_ON, UPDATED_ON] as const).map((name) =>
          isEmpty(task[name]) ? null : (
            <div key={name} className={styles.row}>
              <dt>{name}</dt>
              <dd className={styles.text}>{shown("created", task[name])}</dd>
            </div>
          ),
        )}
      </dl>
    </Card>
  );
}

interface RowProps {
  field: Field;
  value: unknown;
  people: People;
  colors: StageColors;
  canEdit: boolean;
  isEditing: boolean;
  /** By what a half written value is kept. */
  draftKey: string;
  onEdit: (on: boolean) => void;
  onSave: (value: unknown) => Promise<Task>;
  onSaved: (written: Task) => void;
}

function Row(props: RowProps) {
  const { field, isEditing, canEdit } = props;
  const isAtOnce = field.type === "checkbox" || field.type === "file";
  return (
    <div className={styles.row}>
      <dt>{field.name}</dt>
      <dd>{canEdit && isAtOnce ? <AtOnce {...props} /> : isEditing ? <Editor {...props} /> : <Value {...props} />}</dd>
    </div>
  );
}

function Value({ field, value, people, colors, canEdit, onEdit }: RowProps) {
  return (
    <span className={styles.value}>
      {/* The pencil is what the keyboard uses; who has a mouse may press the value itself. */}
      <span className={`${styles.text} ${canEdit ? styles.pressable : ""}`} onClick={() => canEdit && !getSelection()?.toString() && !["url", "email", "phone"].includes(field.type) && onEdit(true)}>
        {isEmpty(value) && field.type !== "checkbox" ? <span className={styles.empty}>Empty</span> : <Shown field={field} value={value} people={people} colors={colors} />}
      </span>
      {canEdit && <IconButton small label={`Edit ${field.name}`} icon={<Pencil />} onPress={() => onEdit(true)} />}
    </span>
  );
}

/** What can be opened is a link here. */
function Shown({ field, value, people, colors }: Pick<RowProps, "field" | "value" | "people" | "colors">) {
  const text = String(value);
  switch (field.type) {
    case "url":
      return /^https?:/i.test(text) ? (
        <a href={text} target="_blank" rel="noreferrer noopener">
          {text}
        </a>
      ) : (
        text
      );
    case "email":
      return <a href={`mailto:${text}`}>{text}</a>;
    case "phone":
      return <a href={`tel:${text.replace(/\s/g, "")}`}>{text}</a>;
    case "longText":
      return <span className={styles.long}>{text}</span>;
    case "file":
      return <FilesList files={value as FileEntry[]} />;
    case "checkbox":
      return value === true ? "Yes" : "No";
    default:
      return <CellValue kind={field.type} value={value} names={people.names} colors={colors} />;
  }
}

interface Kept {
  draft: Draft;
  before: unknown;
}

function Editor({ field, value, people, draftKey, onEdit, onSave, onSaved }: RowProps) {
  // With what it was begun from, so that it is told when that has changed meanwhile, also while the page was left.
  const [{ draft, before }, setKept, forget] = useKept<Kept>(draftKey, () => ({ draft: toDraft(field, value), before: value }));
  const setDraft = (to: Draft) => setKept({ draft: to, before });
  const [error, setError] = useState<string>();
  const form = useRef<HTMLFormElement>(null);
  // The keyboard goes into the first input, and back to the pencil.
  useEffect(() => {
    if (!form.current?.contains(document.activeElement)) form.current?.querySelector<HTMLElement>("input, textarea, button")?.focus();
  }, []);
  const close = () => {
    forget();
    const row = form.current?.contains(document.activeElement) ? form.current.parentElement : null;
    onEdit(false);
    requestAnimationFrame(() => row?.querySelector<HTMLElement>("button")?.focus());
  };
  const save = useMutation({
    mutationFn: onSave,
    onSuccess: (written) => {
      close();
      onSaved(written);
    },
    onError: (failed) => setError(toldOf(failed, field.name)),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isUnchanged(field, draft, value)) return close();
    const read = fromDraft(field, draft);
    if ("error" in read) setError(`${field.name} ${read.error}`);
    else save.mutate(read.value);
  };
  const keyed = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  };
  const isChanged = JSON.stringify(before) !== JSON.stringify(value);
  return (
    <form ref={form} className={styles.form} onSubmit={submit} onKeyDown={keyed} noValidate>
      <ValueInput
        field={field}
        draft={draft}
        onChange={setDraft}
        people={people.list}
        hideLabel
        autoFocus
        error={error}
        description={isChanged && !save.isPending ? `Meanwhile it was changed to: ${shown(field.type, value, people.names) || "empty"}` : undefined}
      />
      <div className={styles.buttons}>
        <Button small look="primary" type="submit" isPending={save.isPending}>
          Save
        </Button>
        <Button small onPress={close}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** What has nothing to be typed is saved as soon as it is chosen. */
function AtOnce({ field, value, onSave, onSaved }: RowProps) {
  const [error, setError] = useState<string>();
  const save = useMutation({
    mutationFn: onSave,
    onMutate: () => setError(undefined),
    onSuccess: onSaved,
    onError: (failed) => setError(toldOf(failed, field.name)),
  });
  return (
    <>
      {field.type === "checkbox" ? (
        <Checkbox label={field.name} value={save.isPending ? save.variables === true : value === true} onChange={(on) => save.mutate(on)}>
          {null}
        </Checkbox>
      ) : (
        <FilesInput
          label={field.name}
          limit={field.limit}
          files={save.isPending ? (save.variables as (FileEntry | NewFile)[]) : ((value ?? []) as FileEntry[])}
          onChange={(files) => save.mutate(files)}
        />
      )}
      {error && (
        <span className={styles.error} role="alert">
          {error}
        </span>
      )}
    </>
  );
}
