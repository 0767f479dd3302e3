// The workflow's fields: added, named, typed, put in order, removed.
import { type Field, fieldsOf } from "../../model/flow/document";
import { FIELD_TYPES, addField, changeField, fieldNameProblem, hasOptions, moveField, removeField, withType } from "../../model/flow/fields";
import { about } from "../../model/flow/problems";
import { Checkbox, Select, TextField } from "../../parts/Field";
import styles from "./Fields.module.css";
import { NameField } from "./NameColor";
import { PartsDialog } from "./PartsDialog";
import { Beside } from "./Problems";
import { useBuilder } from "./state";

const HINT = "The columns of a task, in the order in which it shows them. Changes count once the workflow is saved.";

export function FieldsDialog({ onClose }: { onClose: () => void }) {
  const { document } = useBuilder();
  return (
    <PartsDialog
      title="Fields"
      hint={HINT}
      parts={fieldsOf(document)}
      summary={typeWords}
      detail={(field) => <OneField field={field} />}
      add={addField}
      newOne="New field"
      remove={removeField}
      move={moveField}
      onClose={onClose}
    />
  );
}

const typeWords = ({ type, required }: Field) => `${FIELD_TYPES.find((it) => it.id === type)?.name ?? type}${required ? ", required" : ""}`;

function OneField({ field }: { field: Field }) {
  const { document, edit, problems, isReadOnly } = useBuilder();
  const set = (change: Parameters<typeof changeField>[2], key?: string) => edit((it) => changeField(it, field.id, change), key && `${key} ${field.id}`);
  const taken = fieldsOf(document).flatMap((it) => (it.id === field.id ? [] : [it.name]));
  return (
    <>
      <div className={styles.two}>
        <NameField label="Name" name={field.name} taken={taken} isDisabled={isReadOnly} problemOf={fieldNameProblem} onName={(name) => set({ name }, "name")} />
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
    </>
  );
}
