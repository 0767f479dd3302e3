// Tests of a task: which operators a field has, and what kind of value each takes.
import { OPERATORS, type Operator, operatorName } from "../operators";
import { type FlowDocument, type Test, fieldsOf, stagesOf } from "./document";

export interface Subject {
  name: string;
  type: string;
  options?: string[];
}

/** What can be tested: the stage, who it is assigned to, each field. */
export function subjects(document: FlowDocument): Subject[] {
  return [
    { name: "Stage", type: "stage", options: stagesOf(document).map((it) => it.name) },
    { name: "Assigned To", type: "person" },
    ...fieldsOf(document).map((field): Subject => ({ name: field.name, type: field.type, ...(field.options && { options: field.options }) })),
  ];
}

export function operatorsOf(type: string): Operator[] {
  switch (type) {
    case "stage":
      return ["equals", "not_equals", "one_of"];
    case "checkbox":
      return ["equals", "not_equals"];
    case "number":
    case "currency":
    case "date":
    case "datetime":
      return ["is_set", "equals", "not_equals", "one_of", "at_least", "at_most", "more_than", "less_than"];
    case "multipleSelect":
      return ["is_set", "equals", "not_equals", "contains"];
    case "singleSelect":
    case "person":
      return ["is_set", "equals", "not_equals", "one_of"];
    case "file":
      return ["is_set"];
    default:
      return ["is_set", "equals", "not_equals", "one_of", "contains"];
  }
}

export type ValueKind = "flag" | "text" | "number" | "date" | "option" | "options" | "list";

export function valueKind(type: string, operator: Operator): ValueKind {
  if (operator === "is_set") return "flag";
  if (type === "checkbox") return "flag";
  const isChosen = type === "stage" || type === "singleSelect" || type === "multipleSelect";
  if (operator === "one_of") return isChosen ? "options" : "list";
  if (type === "multipleSelect") return operator === "contains" ? "option" : "options";
  if (isChosen) return "option";
  if (type === "number" || type === "currency") return "number";
  return type === "date" ? "date" : "text";
}

export const operatorIn = (test: Test): Operator | undefined => OPERATORS.find((it) => test[it] !== undefined && test[it] !== null);

/** A test of a field: with the operator and value of `before` where they fit it, else with the first that do. */
export function testOf(subject: Subject, operator: Operator = operatorsOf(subject.type)[0]!, before?: Test): Test {
  const kept = before?.[operator];
  const kind = valueKind(subject.type, operator);
  const fits = kept !== undefined && kept !== null && (kind === "flag" ? typeof kept === "boolean" : kind === "options" || kind === "list" ? Array.isArray(kept) : typeof kept !== "boolean" && !Array.isArray(kept));
  return { field: subject.name, [operator]: fits ? kept : blank(kind, subject) };
}

function blank(kind: ValueKind, subject: Subject): unknown {
  if (kind === "flag") return true;
  if (kind === "option") return subject.options?.[0] ?? "";
  if (kind === "options") return subject.options?.slice(0, 1) ?? [];
  return kind === "list" ? [] : "";
}

/** A test in words. */
export function worded(test: Test, type: string): string {
  const operator = operatorIn(test);
  if (!operator) return `${test.field} …`;
  const value = test[operator];
  if (operator === "is_set") return `${test.field} ${operatorName(value === false ? "is_empty" : "is_set", type)}`;
  const said = Array.isArray(value) ? value.join(", ") : value === true ? "ticked" : value === false ? "not ticked" : String(value);
  return `${test.field} ${operatorName(operator, type)} ${said}`;
}
