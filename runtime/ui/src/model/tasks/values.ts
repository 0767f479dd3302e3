// Values of tasks: how they are shown, and what somebody types until it is one. The server has the last word on what is valid.
import { fromLocal, toLocal } from "../times";
import type { Field, Kind } from "./columns";

/** A file that a task has. */
export interface FileEntry {
  blobId: string;
  filename: string;
  contentType: string;
}

/** A file that it is to have. */
export interface NewFile {
  filename: string;
  contentType: string;
  base64contents: string;
}

/** What an input holds: text; a choice of several; whether it is ticked; files. */
export type Draft = string | string[] | boolean | (FileEntry | NewFile)[];

/** What people are called, by their email. */
export type Names = ReadonlyMap<string, string>;

export const isEmpty = (value: unknown): boolean => value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

/** A value as text; "" where there is none. */
export function shown(kind: Kind, value: unknown, names: Names = new Map()): string {
  if (kind === "checkbox") return value === true ? "Yes" : "No";
  if (isEmpty(value)) return "";
  switch (kind) {
    case "currency":
      return grouped(String(value));
    case "date":
      return shownDate(String(value));
    case "datetime":
    case "created":
    case "updated":
      return shownInstant(String(value));
    case "multipleSelect":
      return (value as string[]).join(", ");
    case "file":
      return (value as FileEntry[]).map((it) => it.filename).join(", ");
    case "person":
    case "assignee":
      return names.get(String(value).toLowerCase()) ?? String(value);
    default:
      return typeof value === "string" ? value : JSON.stringify(value);
  }
}

// Made once: each takes longer to make than a row to draw.
const POINT = new Intl.NumberFormat().formatToParts(1.5).find((it) => it.type === "decimal")?.value ?? ".";
const WHOLE = new Intl.NumberFormat();
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const INSTANT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** An exact decimal with its thousands apart; every digit stays. */
export function grouped(decimal: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal);
  if (!parts) return decimal;
  const [, sign, whole, fraction] = parts;
  return `${sign}${WHOLE.format(BigInt(whole!))}${fraction ? POINT + fraction : ""}`;
}

function shownDate(date: string): string {
  const instant = new Date(`${date}T00:00:00Z`);
  return Number.isNaN(instant.getTime()) ? date : DAY.format(instant);
}

function shownInstant(at: string): string {
  const instant = new Date(at);
  return Number.isNaN(instant.getTime()) ? at : INSTANT.format(instant);
}

/** What an input begins with. */
export function toDraft(field: Field, value: unknown): Draft {
  switch (field.type) {
    case "checkbox":
      return value === true;
    case "multipleSelect":
    case "file":
      return Array.isArray(value) ? [...value] : [];
    case "datetime":
      return typeof value === "string" ? toLocal(value) : "";
    default:
      return isEmpty(value) ? "" : String(value);
  }
}

/** A number as it is typed, and sent. */
export const DECIMAL = /^[+-]?\d+(\.\d+)?$/;

export type Read = { value: unknown } | { error: string };

/** The value that a draft means, or what is wrong with it. Only what a browser can tell for certain is said here. */
export function fromDraft(field: Field, draft: Draft): Read {
  if (typeof draft === "boolean") return { value: draft };
  if (Array.isArray(draft)) return field.required && draft.length === 0 ? { error: "is required" } : { value: draft };
  const text = field.type === "text" || field.type === "longText" ? draft : draft.trim();
  if (text.trim() === "") return field.required && !field.autoincrement ? { error: "is required" } : { value: null };
  switch (field.type) {
    case "number":
    case "currency":
      return DECIMAL.test(text) ? { value: text } : { error: "must be a number, such as 1234.50" };
    case "datetime": {
      const at = fromLocal(text);
      return at ? { value: at } : { error: "must be a date with a time" };
    }
    default:
      return { value: text };
  }
}

/** Whether a draft still says what the task has: then there is nothing to save. */
export function isUnchanged(field: Field, draft: Draft, value: unknown): boolean {
  return JSON.stringify(toDraft(field, value)) === JSON.stringify(draft);
}
