// The input of a field, by its type: of a new task, and of one that is changed.
import type { ReactNode } from "react";
import { Checkbox, FieldGroup, Select, TextField } from "../Field";
import { Avatar } from "../Marks";
import type { Field } from "../../model/tasks/columns";
import type { Draft, FileEntry, NewFile } from "../../model/tasks/values";
import { FilesInput } from "./FilesInput";
import type { Person } from "./people";

/** Stands for no choice; the others' ids begin with `=`, so that none of them is the same. */
const NONE = "none";

interface ValueInputProps {
  field: Field;
  draft: Draft;
  onChange: (draft: Draft) => void;
  people: Person[];
  error?: string | undefined;
  hideLabel?: boolean;
  autoFocus?: boolean;
  description?: ReactNode;
}

const TEXT_TYPES = { number: "number", currency: "number", date: "date", datetime: "datetime-local", email: "email", url: "url" } as const;

export function ValueInput({ field, draft, onChange, people, error, hideLabel = false, autoFocus = false, description }: ValueInputProps) {
  const described = { label: field.name, hideLabel, error, ...(description !== undefined && { description }) };
  switch (field.type) {
    case "checkbox":
      return (
        <FieldGroup {...described} hideLabel>
          <Checkbox value={draft === true} onChange={onChange}>
            {field.name}
          </Checkbox>
        </FieldGroup>
      );
    case "singleSelect": {
      const options = (field.options ?? []).map((it) => ({ id: it, name: it }));
      return <Choice {...described} value={draft as string} onChange={onChange} options={options} isRequired={field.required} />;
    }
    case "person":
      return <PersonChoice {...described} value={draft as string} onChange={onChange} people={people} isRequired={field.required} />;
    case "multipleSelect":
      return (
        <FieldGroup {...described}>
          {(field.options ?? []).map((option) => (
            <Checkbox key={option} value={(draft as string[]).includes(option)} onChange={(on) => onChange(toggled(draft as string[], option, on))}>
              {option}
            </Checkbox>
          ))}
        </FieldGroup>
      );
    case "file":
      return (
        <FieldGroup {...described}>
          <FilesInput label={field.name} limit={field.limit} files={draft as (FileEntry | NewFile)[]} onChange={onChange} />
        </FieldGroup>
      );
    default:
      return (
        <TextField
          {...described}
          value={draft as string}
          onChange={onChange}
          type={TEXT_TYPES[field.type as keyof typeof TEXT_TYPES] ?? "text"}
          isRequired={field.required && !field.autoincrement}
          autoFocus={autoFocus}
          {...(field.type === "longText" && { rows: 4 })}
        />
      );
  }
}

export function toggled(chosen: string[], option: string, on: boolean): string[] {
  return on ? [...chosen, option] : chosen.filter((it) => it !== option);
}

interface ChoiceProps {
  label: string;
  hideLabel?: boolean;
  error?: string | undefined;
  value: string;
  onChange: (value: string) => void;
  isRequired?: boolean;
}

function Choice({ options, value, onChange, isRequired = false, none = "None", ...described }: ChoiceProps & { options: { id: string; name: string; icon?: ReactNode }[]; none?: string }) {
  const some = options.map((it) => ({ ...it, id: `=${it.id}` }));
  return (
    <Select
      {...described}
      isRequired={isRequired}
      value={value ? `=${value}` : isRequired ? null : NONE}
      onChange={(id) => onChange(id === NONE ? "" : id.slice(1))}
      options={isRequired ? some : [{ id: NONE, name: none }, ...some]}
    />
  );
}

export function PersonChoice({ people, ...choice }: ChoiceProps & { people: Person[] }) {
  // Who has left, and still has it, stays to be seen.
  const isThere = !choice.value || people.some((it) => it.email.toLowerCase() === choice.value.toLowerCase());
  const all = isThere ? people : [...people, { email: choice.value, name: choice.value }];
  const options = all.map((it) => ({ id: it.email, name: it.name, icon: <Avatar name={it.name} /> }));
  return <Choice {...choice} options={options} none="Nobody" />;
}

/** Several inputs that are one field. */
