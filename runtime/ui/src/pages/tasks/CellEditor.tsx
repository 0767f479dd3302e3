// Writing into a cell: text in its place, choices and long things in a popover beside it. What is wrong is said there, too.
import { type KeyboardEvent, type RefObject, useEffect, useId, useRef, useState } from "react";
import { Dialog } from "react-aria-components";
import { ASSIGNED_TO, type Column, type Field, type Task } from "../../model/tasks/columns";
import { type Draft, fromDraft, isUnchanged, toDraft } from "../../model/tasks/values";
import { Button } from "../../parts/Button";
import { DialogButtons } from "../../parts/Dialog";
import { Avatar } from "../../parts/Marks";
import { Options } from "../../parts/Options";
import { Popup } from "../../parts/Popup";
import { sayError, toldOf } from "../../parts/Toasts";
import styles from "./CellEditor.module.css";
import type { People } from "../../parts/task/people";
import { ValueInput } from "../../parts/task/ValueInput";

/** Saves one value of a task. */
export type Saving = (task: Task, column: Column, value: unknown) => Promise<void>;

interface CellEditorProps {
  anchor: RefObject<HTMLElement | null>;
  task: Task;
  column: Column;
  /** The letter by which it was begun: it takes the place of what was there. */
  typed: string | undefined;
  people: People;
  saving: Saving;
  onDone: (refocus: boolean) => void;
}

/** What an assignee is, as a field. */
const ASSIGNEE: Field = { id: "", name: ASSIGNED_TO, type: "person", required: false, editable: true };

export function CellEditor(props: CellEditorProps) {
  const { task, column, saving, onDone } = props;
  const field = column.field ?? ASSIGNEE;
  const [error, setError] = useState<string>();
  const [isSaving, setSaving] = useState(false);
  // What others write meanwhile does not make what was there at first a change.
  const [before] = useState(task[column.name]);
  const held = useRef<Draft>(null);
  const isEnded = useRef(false);
  const isGone = useRef(false);
  const why = useRef(error);
  why.current = error;
  const lost = useRef((_why: string) => {});
  lost.current = (why) => held.current !== null && !isUnchanged(field, held.current, before) && sayLost(column.name, held.current, why);
  useEffect(() => {
    isGone.current = false;
    return () => {
      isGone.current = true;
      // A moment later, as development runs effects twice.
      setTimeout(() => isGone.current && !isEnded.current && lost.current(why.current ?? "its row is no longer here"));
    };
  }, []);
  const done = (refocus: boolean) => {
    isEnded.current = true;
    // Without this editor there may be another one by now, which goes on.
    if (!isGone.current) onDone(refocus);
  };

  const save = async (draft: Draft, refocus = true) => {
    if (isSaving) return;
    if (isUnchanged(field, draft, before)) return done(refocus);
    const read = fromDraft(field, draft);
    if ("error" in read) return setError(`${column.name} ${read.error}`);
    setSaving(true);
    setError(undefined);
    held.current = draft;
    // What is on its way is not lost with the row.
    isEnded.current = true;
    try {
      await saving(task, column, read.value);
      done(refocus);
    } catch (failed) {
      if (isGone.current) return lost.current(toldOf(failed, column.name));
      isEnded.current = false;
      setError(toldOf(failed, column.name));
      setSaving(false);
    }
  };
  const inner = { ...props, onDone: done, field, error, isSaving, save, held };
  switch (field.type) {
    case "checkbox":
      return <Tick {...inner} />;
    case "singleSelect":
    case "person":
      return <Choices {...inner} />;
    case "multipleSelect":
    case "file":
    case "longText":
      return <Form {...inner} />;
    default:
      return <InPlace {...inner} />;
  }
}

/** Keeps in sight what could be written nowhere. */
function sayLost(name: string, draft: Draft, why: string): void {
  const text = typeof draft === "string" ? draft : Array.isArray(draft) ? draft.map((it) => (typeof it === "string" ? it : it.filename)).join(", ") : "";
  sayError(new Error(`${name} was not saved: ${why}. What was written: ${text || "nothing"}`));
}

interface InnerProps extends CellEditorProps {
  field: Field;
  error: string | undefined;
  isSaving: boolean;
  save: (draft: Draft, refocus?: boolean) => Promise<void>;
  /** What is half written, for when the editor goes before it is saved. */
  held: RefObject<Draft | null>;
}

const INPUT_TYPES: Partial<Record<Field["type"], string>> = { date: "date", datetime: "datetime-local" };

function InPlace({ task, column, field, typed, error, isSaving, save, held, onDone }: InnerProps) {
  const [draft, setDraft] = useState(() => typed ?? (toDraft(field, task[column.name]) as string));
  held.current = draft;
  const input = useRef<HTMLInputElement>(null);
  const errorId = useId();
  useEffect(() => {
    input.current?.focus();
    if (typed === undefined) input.current?.select();
  }, [typed]);
  const keyed = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape") onDone(true);
    else if (event.key === "Enter") void save(draft);
    else if (event.key === "Tab") {
      event.preventDefault();
      void save(draft);
    }
  };
  return (
    <>
      <input
        ref={input}
        className={styles.input}
        type={INPUT_TYPES[field.type] ?? "text"}
        inputMode={field.type === "number" || field.type === "currency" ? "decimal" : undefined}
        aria-label={column.name}
        aria-invalid={error !== undefined}
        aria-describedby={error ? errorId : undefined}
        aria-busy={isSaving}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={keyed}
        onBlur={() => void save(draft, false)}
      />
      {error && (
        <span id={errorId} role="alert" className={styles.error}>
          {error}
        </span>
      )}
    </>
  );
}

/** A checkbox is the other way round as soon as it is chosen. */
function Tick({ task, column, error, save }: InnerProps) {
  const begun = useRef(false);
  useEffect(() => {
    // Once, although development runs effects twice.
    if (begun.current) return;
    begun.current = true;
    void save(task[column.name] !== true);
  });
  return error ? (
    <span role="alert" className={styles.error}>
      {error}
    </span>
  ) : null;
}

const NONE = "none";

function Choices({ anchor, task, column, field, people, error, save, onDone }: InnerProps) {
  const value = task[column.name];
  const some =
    field.type === "person"
      ? people.list.map(({ email, name }) => ({ id: `=${email}`, name, icon: <Avatar name={name} /> }))
      : (field.options ?? []).map((name) => ({ id: `=${name}`, name, icon: null }));
  const none = { id: NONE, name: field.type === "person" ? "Nobody" : "None", icon: null };
  return (
    <Popup triggerRef={anchor} isOpen onOpenChange={(open) => !open && onDone(true)} placement="bottom start" className={styles.popover} data-editor>
      <Dialog aria-label={column.name} className={styles.dialog!}>
        <Options
          aria-label={column.name}
          autoFocus="first"
          items={field.required ? some : [none, ...some]}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[typeof value === "string" ? `=${value}` : NONE]}
          onSelectionChange={(keys) => {
            const [key] = keys === "all" ? [] : [...keys];
            if (key !== undefined) void save(key === NONE ? "" : String(key).slice(1));
          }}
        />
        {error && (
          <p role="alert" className={styles.said}>
            {error}
          </p>
        )}
      </Dialog>
    </Popup>
  );
}

function Form({ anchor, task, column, field, people, error, isSaving, save, held, onDone }: InnerProps) {
  const [draft, setDraft] = useState(() => toDraft(field, task[column.name]));
  held.current = draft;
  // A click beside it saves, as it does with a cell that is written in its place; Escape takes back.
  const keyed = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
    event.stopPropagation();
    onDone(true);
  };
  return (
    <Popup triggerRef={anchor} isOpen onOpenChange={(open) => !open && void save(draft)} placement="bottom start" className={`${styles.popover} ${styles.form}`} data-editor>
      <div onKeyDown={keyed}>
        <Dialog aria-label={column.name} className={styles.dialog!}>
          <form
            className={styles.fields}
            onSubmit={(event) => {
              event.preventDefault();
              void save(draft);
            }}
          >
            <ValueInput field={field} draft={draft} onChange={setDraft} people={people.list} error={error} autoFocus />
            <DialogButtons>
              <Button small onPress={() => onDone(true)}>
                Cancel
              </Button>
              <Button small look="primary" type="submit" isPending={isSaving}>
                Save
              </Button>
            </DialogButtons>
          </form>
        </Dialog>
      </div>
    </Popup>
  );
}
