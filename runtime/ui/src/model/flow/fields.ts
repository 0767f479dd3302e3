// The workflow's fields: their types, and how they are added, changed, put in order and removed.
import { type Field, type FlowDocument, fieldsOf, named } from "./document";
import { moved, tidy } from "./edit";
import { RESERVED } from "./places";
import { renameFieldEverywhere } from "./rename";

export const FIELD_TYPES: { id: string; name: string }[] = [
  { id: "text", name: "Text" },
  { id: "longText", name: "Long text" },
  { id: "number", name: "Number" },
  { id: "currency", name: "Currency" },
  { id: "date", name: "Date" },
  { id: "datetime", name: "Date and time" },
  { id: "person", name: "Person" },
  { id: "singleSelect", name: "Single select" },
  { id: "multipleSelect", name: "Multiple select" },
  { id: "checkbox", name: "Checkbox" },
  { id: "uniqueId", name: "Unique ID" },
  { id: "email", name: "Email" },
  { id: "phone", name: "Phone" },
  { id: "url", name: "URL" },
  { id: "file", name: "File" },
];

const TAKEN = ["Stage", "Assigned To", "Task URL", "Created On", "Updated On"];

export const hasOptions = (type: string): boolean => type === "singleSelect" || type === "multipleSelect";

/** What is wrong with a name, beside what the server says of the whole. */
export function nameProblem(name: string, others: string[]): string | undefined {
  if (name.trim() === "") return "A name is needed.";
  if (/[{}]/.test(name)) return "A name has no braces.";
  return others.includes(name) ? "Another one has this name." : undefined;
}

/** The same of a field's name, which must be nothing that places in texts mean already. */
export function fieldNameProblem(name: string, others: string[]): string | undefined {
  if (TAKEN.includes(name)) return "Every task has that already.";
  return RESERVED.test(name) ? "In texts this name means something else." : nameProblem(name, others);
}

export function addField(document: FlowDocument, type = "text"): { document: FlowDocument; id: string } {
  const fields = fieldsOf(document);
  const own = named("New field", fields);
  return { document: { ...document, fields: [...fields, withType({ ...own, type }, type)] }, id: own.id };
}

/** What only one type has goes when another one is chosen. */
export function withType(field: Field, type: string): Field {
  return tidy({
    ...field,
    type,
    options: hasOptions(type) ? (field.options ?? ["Option 1"]) : undefined,
    autoincrement: type === "uniqueId" ? field.autoincrement : undefined,
    limit: type === "file" ? field.limit : undefined,
  }) as Field;
}

/** Changes a field; a new name is followed in everything that names it. */
export function changeField(document: FlowDocument, id: string, change: { [K in keyof Field]?: Field[K] | undefined }): FlowDocument {
  const field = fieldsOf(document).find((it) => it.id === id);
  if (!field) return document;
  const renamed = change.name !== undefined && change.name !== field.name ? renameFieldEverywhere(document, field.name, change.name) : document;
  return { ...renamed, fields: fieldsOf(renamed).map((it) => (it.id === id ? (tidy({ ...it, ...change }) as Field) : it)) };
}

export function removeField(document: FlowDocument, id: string): FlowDocument {
  return { ...document, fields: fieldsOf(document).filter((it) => it.id !== id) };
}

export function moveField(document: FlowDocument, id: string, to: number): FlowDocument {
  return { ...document, fields: moved(fieldsOf(document), id, to) };
}
