// The columns of a workflow's tasks: its fields, and what every task has beside them.
import type { Schemas } from "../../api/client";

export type Field = Schemas["Field"];
export type FieldKind = Field["type"];
export type Kind = FieldKind | "stage" | "assignee" | "created" | "updated";

/** A task as the API tells it: values by the names of columns. */
export type Task = Record<string, unknown> & { Stage: string; "Assigned To": string | null };

export interface Column {
  /** How a task's values call it; no two are the same. */
  name: string;
  kind: Kind;
  /** The field that it shows; none for what every task has. */
  field?: Field;
  /** Pixels. */
  width: number;
  sortable: boolean;
  /** Whether people may write into it. */
  editable: boolean;
}

export const STAGE = "Stage";
export const ASSIGNED_TO = "Assigned To";
export const CREATED_ON = "Created On";
export const UPDATED_ON = "Updated On";

const WIDTHS: Record<Kind, number> = {
  text: 190,
  longText: 230,
  number: 130,
  phone: 150,
  currency: 140,
  date: 130,
  datetime: 185,
  person: 170,
  singleSelect: 140,
  multipleSelect: 190,
  checkbox: 96,
  uniqueId: 130,
  file: 170,
  email: 200,
  url: 200,
  stage: 150,
  assignee: 170,
  created: 185,
  updated: 185,
};

/** Roughly what a letter of a heading takes, and what stands around it. */
const LETTER_WIDTH = 9;
const HEADING_EXTRA = 46;

/** What has no order, or none that anybody asks for. */
const UNSORTED: Kind[] = ["multipleSelect", "file"];

function column(name: string, kind: Kind, editable: boolean, field?: Field): Column {
  const width = Math.max(WIDTHS[kind], Math.min(260, name.length * LETTER_WIDTH + HEADING_EXTRA));
  return { name, kind, width, sortable: !UNSORTED.includes(kind), editable, ...(field && { field }) };
}

/** A field as far as a title needs it. */
type TitleField = Pick<Field, "name"> & { type: string };

/** The field that names a task: its first text, else its Unique ID, else its first field. */
export function titleField<Of extends TitleField>(fields: Of[]): Of | undefined {
  return fields.find((it) => it.type === "text") ?? fields.find((it) => it.type === "uniqueId") ?? fields[0];
}

/** All columns: the one that names the task first, then who has it and where it is, then the rest in the workflow's order. */
export function columnsOf(fields: Field[]): Column[] {
  const of = (field: Field) => column(field.name, field.type, field.editable, field);
  const title = titleField(fields);
  return [
    ...(title ? [of(title)] : []),
    column(ASSIGNED_TO, "assignee", true),
    column(STAGE, "stage", false),
    ...fields.filter((it) => it !== title).map(of),
    column(CREATED_ON, "created", false),
    column(UPDATED_ON, "updated", false),
  ];
}

/** Where a task is: no two have the same, so that it tells one from another. */
export function urlOf(task: Task): string {
  return String(task["Task URL"] ?? "");
}

/** By what a task is addressed: its Unique ID, else its id; the end of its address. */
export function addressOf(task: Task): string {
  const url = urlOf(task);
  return decodeURIComponent(url.slice(url.lastIndexOf("/") + 1));
}

/** What a task is called on a page of its own. */
export function titleOf(task: Task, fields: TitleField[]): string {
  const text = (field: TitleField | undefined) => (field && typeof task[field.name] === "string" ? (task[field.name] as string).trim() : "");
  const unique = fields.find((it) => it.type === "uniqueId");
  return text(titleField(fields)) || text(unique) || "Untitled task";
}

/** The columns that somebody sees: all but those that they have hidden. The first one always stays. */
export function visible(columns: Column[], hidden: readonly string[]): Column[] {
  return columns.filter((it, index) => index === 0 || !hidden.includes(it.name));
}

const KEY = (workflow: string) => `onward-hidden-columns-${workflow}`;

/** Which columns are hidden in a workflow, in this browser. */
export function readHidden(storage: Pick<Storage, "getItem">, workflow: string): string[] {
  try {
    const read: unknown = JSON.parse(storage.getItem(KEY(workflow)) ?? "[]");
    return Array.isArray(read) ? read.filter((it) => typeof it === "string") : [];
  } catch {
    return [];
  }
}

export function writeHidden(storage: Pick<Storage, "setItem">, workflow: string, hidden: readonly string[]): void {
  storage.setItem(KEY(workflow), JSON.stringify(hidden));
}

/** Numbers stand at the end of their cell, so that digits are below digits. */
export const isEnd = ({ kind }: Column) => kind === "number" || kind === "currency";
