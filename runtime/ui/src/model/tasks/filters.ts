// Filters of the task table in the words of requirements' conditions: which can be asked of which column, and how they are sent.
import { OPERATORS, type Operator as Asked, operatorName } from "../operators";
import { fromLocal } from "../times";
import type { Column, Kind } from "./columns";
import { DECIMAL } from "./values";

/** `is_empty` is sent as `is_set: false`: here one chooses between the two. */
export type Operator = Asked | "is_empty";

/** One question about each task. */
export interface Test {
  field: string;
  operator: Operator;
  /** Nothing for `is_set` and `is_empty`; of `one_of` several. */
  value: string | string[] | boolean;
}

/** How many the server takes. */
export const TESTS_MAX = 20;

const SET: Operator[] = ["is_set", "is_empty"];
const ORDER: Operator[] = ["equals", "not_equals", "at_least", "at_most", "more_than", "less_than"];

/** What may be asked of a column; nothing of those that cannot be filtered by. */
export function operatorsOf(kind: Kind): Operator[] {
  switch (kind) {
    case "number":
    case "currency":
    case "date":
    case "datetime":
      return [...ORDER, ...SET];
    case "checkbox":
      return ["equals"];
    case "singleSelect":
      return ["one_of", "not_equals", ...SET];
    case "multipleSelect":
      return ["contains", ...SET];
    case "person":
    case "assignee":
      return ["equals", "not_equals", ...SET];
    case "stage":
      return ["one_of", "not_equals"];
    case "file":
      return SET;
    case "created":
    case "updated":
      return [];
    default:
      return ["contains", "equals", "not_equals", ...SET];
  }
}

export const takesValue = (operator: Operator): boolean => operator !== "is_set" && operator !== "is_empty";

/** A question that nobody has finished yet. */
export function newTest(column: Column): Test {
  const [operator = "is_set"] = operatorsOf(column.kind);
  return { field: column.name, operator, value: emptyValue(operator, column.kind) };
}

export function emptyValue(operator: Operator, kind: Kind): Test["value"] {
  if (kind === "checkbox") return true;
  return operator === "one_of" ? [] : "";
}

/** The same with another operator; what was typed stays where it fits. */
export function withOperator(test: Test, operator: Operator, kind: Kind): Test {
  const empty = emptyValue(operator, kind);
  const fits = typeof empty === typeof test.value && Array.isArray(empty) === Array.isArray(test.value);
  return { ...test, operator, value: fits ? test.value : empty };
}

/** Whether it asks something; one that does not, or does not yet, is not sent. */
export function isComplete({ operator, value }: Test, kind?: Kind): boolean {
  if (!takesValue(operator) || typeof value === "boolean") return true;
  if ((kind === "number" || kind === "currency") && typeof value === "string") return DECIMAL.test(value);
  return value.length > 0;
}

/** What the server says of tests that it cannot ask, by the place of each among those that were sent. */
export function refusals(sentences: string[]): Map<number, string> {
  return new Map(
    sentences.flatMap((it): [number, string][] => {
      const [, number, said] = /^test (\d+): (.*)$/.exec(it) ?? [];
      return number && said ? [[Number(number) - 1, said]] : [];
    }),
  );
}

/** As `_where` has it. A datetime is typed in this machine's time zone and sent as an instant. */
export function toWire({ field, operator, value }: Test, kind?: Kind): Record<string, unknown> {
  if (!takesValue(operator)) return { field, is_set: operator === "is_set" };
  if (kind === "datetime" && typeof value === "string") {
    return { field, [operator]: fromLocal(value) ?? value };
  }
  return { field, [operator]: value };
}

const isOperator = (it: unknown): it is Operator => it === "is_empty" || OPERATORS.some((operator) => operator === it);

/** A test from an address that anybody may have typed; undefined where it is none. */
export function readTest(read: unknown): Test | undefined {
  if (!Array.isArray(read) || read.length !== 3) return undefined;
  const [field, operator, value] = read as unknown[];
  const isText = (it: unknown) => typeof it === "string";
  const isValue = isText(value) || typeof value === "boolean" || (Array.isArray(value) && value.every(isText));
  if (!isText(field) || !isOperator(operator) || !isValue) return undefined;
  if ((operator === "one_of") !== Array.isArray(value)) return undefined;
  return { field: field as string, operator, value: value as Test["value"] };
}

/** In one sentence, for a chip and for screen readers. */
export function sentence(test: Test, kind: Kind, shownValue: (value: string) => string): string {
  const { field, operator, value } = test;
  if (kind === "checkbox") return `${field} is ${value === false ? "not " : ""}ticked`;
  const words = `${field} ${operatorName(operator, kind)}`;
  if (!takesValue(operator)) return words;
  const said = Array.isArray(value) ? value.map(shownValue).join(" or ") : shownValue(String(value));
  return `${words} ${said}`;
}
