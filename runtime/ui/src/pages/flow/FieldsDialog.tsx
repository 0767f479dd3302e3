// The workflow's fields: added, named, typed, put in order, removed.
import { ChevronDown, ChevronUp, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { type Field, fieldsOf } from "../../model/flow/document";
import { FIELD_TYPES, addField, changeField, hasOptions, moveField, removeField, withType } from "../../model/flow/fields";
import { about } from "../../model/flow/problems";
import { Button, IconButton } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { Checkbox, Select, TextField } from "../../parts/Field";
import styles from "./Fields.module.css";
import { NameField } from "./NameColor";
import { Beside } from "./Problems";
import { useBuilder } from "./state";

export function FieldsDialog({ onClose }: { onClose: () => void }) {
  const { document, edit, isReadOnly } = useBuilder();
  const fields = fieldsOf(document);
  const [open, setOpen] = useState<string>();
  const add = () => {
    let made: string | undefined;
    edit((it) => {
      const done = addField(it);
      made = done.id;
      return done.document;
    });
    setOpen(made);
    requestAnimationFrame(() => {
      const input = globalThis.document.querySelector<HTMLInputElement>("[data-field-open] input");
      input?.focus();
      input?.select();
    });
  };
  return (
    <Modal title="Fields" isOpen onClose={onClose} wide isDismissable>
      <p className={styles.hint}>The columns of a task, in the order in which it shows them. Changes count once the workflow is saved.</p>
      {fields.length === 0 && <p>There is no field yet.</p>}
      <ul className={styles.fields}>
        {fields.map((field, index) => (
          <li key={field.id} className={styles.field}>
            <div className={styles.row}>
              <button type="button" className={styles.name} aria-expanded={open === field.id} onClick={() => setOpen(open === field.id ? undefined : field.id)}>
                {open === field.id ? <ChevronUp aria-hidden /> : <ChevronDown aria-hidden />}
                <span>{field.name}</span>
                <span className={styles.type}>
                  {FIELD_TYPES.find((it) => it.id === field.type)?.name ?? field.type}
                  {field.required ? ", required" : ""}
                </span>
              </button>
              {!isReadOnly && (
                <>
                  <IconButton small label={`Move ${field.name} up`} icon={<ChevronUp />} isDisabled={index === 0} onPress={() => edit((it) => moveField(it, field.id, index - 1))} />
                  <IconButton small label={`Move ${field.name} down`} icon={<ChevronDown />} isDisabled={index === fields.length - 1} onPress={() => edit((it) => moveField(it, field.id, index + 1))} />
                  <IconButton small label={`Remove ${field.name}`} icon={<Trash2 />} onPress={() => edit((it) => removeField(it, field.id))} />
                </>
              )}
            </div>
            {open === field.id && <OneField field={field} />}
          </li>
        ))}
      </ul>
      {!isReadOnly && (
        <div>
          <Button icon={<Plus aria-hidden />} onPress={add}>
            New field
          </Button>
        </div>
      )}
      <DialogButtons>
        <Button look="primary" onPress={onClose}>
          Done
        </Button>
      </DialogButtons>
    </Modal>
  );
}

function OneField({ field }: { field: Field }) {
  const { document, edit, problems, isReadOnly } = useBuilder();
  const set = (change: Parameters<typeof changeField>[2], key?: string) => edit((it) => changeField(it, field.id, change), key && `${key} ${field.id}`);
  const taken = fieldsOf(document).flatMap((it) => (it.id === field.id ? [] : [it.name]));
  return (
    <div className={styles.detail} data-field-open>
      <div className={styles.two}>
        <NameField label="Name" name={field.name} taken={taken} isDisabled={isReadOnly} onName={(name) => set({ name }, "name")} />
        <Select
          label="Type"
          value={field.type}
          onChange={(type) => {
            // What the new type does not have must go with the old one.
            const next = withType(field, type);
            set({ type, options: next.options, autoincrement: next.autoincrement, limit: next.limit });
          }}
          options={FIELD_TYPES}
          isDisabled={isReadOnly}
        />
      </div>
      {hasOptions(field.type) && (
        <TextField label="Options, one a line" rows={5} value={(field.options ?? []).join("\n")} onChange={(text) => set({ options: text.split("\n") }, "options")} onBlur={() => set({ options: [...new Set((field.options ?? []).map((it) => it.trim()).filter(Boolean))] }, "options")} isReadOnly={isReadOnly} />
      )}
      {field.type === "file" && <TextField label="How many files" type="number" placeholder="50" value={field.limit === undefined ? "" : String(field.limit)} onChange={(text) => set({ limit: /^\d+$/.test(text) ? Number(text) : undefined }, "limit")} isReadOnly={isReadOnly} />}
      <div className={styles.checks}>
        <Checkbox value={!!field.required} onChange={(it) => set({ required: it || undefined })} isDisabled={isReadOnly}>
          A task must have a value
        </Checkbox>
        <Checkbox value={field.editable !== false} onChange={(it) => set({ editable: it ? undefined : false })} isDisabled={isReadOnly}>
          People may change it by hand
        </Checkbox>
        {field.type === "uniqueId" && (
          <Checkbox value={!!field.autoincrement} onChange={(it) => set({ autoincrement: it || undefined })} isDisabled={isReadOnly}>
            The next number is given by itself
          </Checkbox>
        )}
      </div>
      <Beside problems={about(problems, "field", field.id)} />
    </div>
  );
}
