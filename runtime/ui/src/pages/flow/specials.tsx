// Parameters that are more than one input: a table by fields, a list of tests, names with values.
import type { FieldProps, RegistryFieldsType } from "@rjsf/utils";
import { CircleMinus, Plus } from "lucide-react";
import { Button as AriaButton } from "react-aria-components";
import { subjects } from "../../model/flow/conditions";
import { type Field, type Test, fieldsOf, stagesOf } from "../../model/flow/document";
import { pointer } from "../../model/flow/problems";
import { IconButton } from "../../parts/Button";
import { Checkbox, Select } from "../../parts/Field";
import { Words } from "../../parts/Words";
import styles from "./Form.module.css";
import { Pairs } from "./Pairs";
import panel from "./Panel.module.css";
import type { FormContext } from "./SchemaForm";
import { TemplateField } from "./TemplateField";
import { Tests } from "./Tests";
import { useBuilder } from "./state";

type Props = FieldProps<unknown, Record<string, unknown>, FormContext>;
type Values = Record<string, unknown>;

const titleOf = ({ schema, name }: Props) => String(schema["title"] ?? name);
const described = ({ schema }: Props) => (typeof schema["description"] === "string" ? <Words text={schema["description"]} /> : undefined);

/** Fields by name, each with what it is set to; the input is that of the field's type. */
function FieldTable(props: Props) {
  const { document } = useBuilder();
  const { formData, fieldPathId, registry, readonly = false } = props;
  const values = (formData ?? {}) as Values;
  const all: Pick<Field, "name" | "type" | "options">[] = [{ name: "Assigned To", type: "person" }, { name: "Stage", type: "singleSelect", options: stagesOf(document).map((it) => it.name) }, ...fieldsOf(document)];
  const free = all.filter((it) => !(it.name in values));
  const set = (next: Values) => props.onChange(Object.keys(next).length > 0 ? next : undefined, fieldPathId.path);
  const rename = (from: string, to: string) => set(Object.fromEntries(Object.entries(values).map(([name, value]) => (name === from ? [to, emptyOf(typeOf(to))] : [name, value]))));
  const typeOf = (name: string) => all.find((it) => it.name === name)?.type;
  const first = free.find((it) => it.name !== "Assigned To" && it.name !== "Stage") ?? free[0];
  const error = registry.formContext.errorAt(pointer(fieldPathId.path));
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>{titleOf(props)}</legend>
      <p className={styles.description}>{described(props)}</p>
      <div className={styles.pairs}>
        {Object.entries(values).map(([name, value], index) => {
          const own = all.find((it) => it.name === name) ?? { name, type: "text" };
          const names = [own, ...free].map((it) => ({ id: it.name, name: it.name }));
          return (
            <div className={styles.pair} key={index}>
              <Select label="Field" hideLabel value={name} onChange={(to) => rename(name, to)} options={names} isDisabled={readonly} />
              <FieldValue field={own} value={value} isReadOnly={readonly} error={registry.formContext.errorAt(pointer([...fieldPathId.path, name]))} onChange={(it) => set({ ...values, [name]: it })} />
              {!readonly && <IconButton label={`Remove ${name}`} icon={<CircleMinus />} onPress={() => set(Object.fromEntries(Object.entries(values).filter(([it]) => it !== name)))} />}
            </div>
          );
        })}
      </div>
      {error && <p className={styles.error}>{error}</p>}
      {!readonly && first && (
        <AriaButton className={panel.add!} onPress={() => set({ ...values, [first.name]: emptyOf(first.type) })}>
          <Plus aria-hidden />
          Add field
        </AriaButton>
      )}
    </fieldset>
  );
}

/** What a field is set to at first: a value that its own input takes. */
function emptyOf(type: string | undefined): unknown {
  if (type === "checkbox") return true;
  return type === "multipleSelect" ? [] : "";
}

interface ValueProps {
  field: Pick<Field, "name" | "type" | "options">;
  value: unknown;
  isReadOnly: boolean;
  error: string | undefined;
  onChange: (value: unknown) => void;
}

function FieldValue({ field, value, isReadOnly, error, onChange }: ValueProps) {
  if (field.type === "checkbox" && typeof value !== "string") {
    return <Select label={`Value of ${field.name}`} hideLabel value={value === true ? "yes" : "no"} onChange={(it) => onChange(it === "yes")} options={[{ id: "yes", name: "Ticked" }, { id: "no", name: "Not ticked" }]} isDisabled={isReadOnly} error={error} />;
  }
  if (field.type === "multipleSelect" && typeof value !== "string") {
    const chosen = Array.isArray(value) ? (value as string[]) : [];
    return (
      <div role="group" aria-label={`Value of ${field.name}`}>
        {(field.options ?? []).map((it) => (
          <Checkbox key={it} value={chosen.includes(it)} isDisabled={isReadOnly} onChange={(isOn) => onChange((field.options ?? []).filter((one) => (one === it ? isOn : chosen.includes(one))))}>
            {it}
          </Checkbox>
        ))}
      </div>
    );
  }
  const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const hint = field.options?.length ? `Such as ${field.options[0]}` : "Empty";
  return <TemplateField label={`Value of ${field.name}`} hideLabel value={text} placeholder={hint} onChange={onChange} isReadOnly={isReadOnly} error={error} />;
}

/** A list of tests, as requirements have them. */
function ConditionField(props: Props) {
  const { document, emails } = useBuilder();
  const { formData, fieldPathId, registry, readonly = false } = props;
  const tests = Array.isArray(formData) ? (formData as Test[]) : [];
  const error = registry.formContext.errorAt(pointer(fieldPathId.path));
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>{titleOf(props)}</legend>
      <p className={styles.description}>{described(props)}</p>
      <Tests wide tests={tests} subjects={subjects(document)} emails={emails} isDisabled={readonly} onChange={(next) => props.onChange(next.length > 0 ? next : undefined, fieldPathId.path)} />
      {error && <p className={styles.error}>{error}</p>}
    </fieldset>
  );
}

function PairsField(props: Props) {
  const { formData, fieldPathId, registry, readonly = false } = props;
  return <Pairs legend={titleOf(props)} description={described(props)} error={registry.formContext.errorAt(pointer(fieldPathId.path))} what="value" value={formData} onChange={(it) => props.onChange(it, fieldPathId.path)} isReadOnly={readonly} />;
}

export const fields = { fields: FieldTable, condition: ConditionField, pairs: PairsField } as unknown as RegistryFieldsType;
