// What a test asks of a value, in words: conditions of a workflow and filters of its tasks ask alike.

export const OPERATORS = ["is_set", "equals", "not_equals", "one_of", "at_least", "at_most", "more_than", "less_than", "contains"] as const;
export type Operator = (typeof OPERATORS)[number];

const WORDS: Record<Operator | "is_empty", string> = {
  is_set: "has a value",
  is_empty: "has no value",
  equals: "is",
  not_equals: "is not",
  one_of: "is one of",
  at_least: "is at least",
  at_most: "is at most",
  more_than: "is more than",
  less_than: "is less than",
  contains: "contains",
};

/** What is in an order of time reads otherwise. */
const WORDS_OF_TIME: Partial<typeof WORDS> = {
  at_least: "is on or after",
  at_most: "is on or before",
  more_than: "is after",
  less_than: "is before",
};

/** `type`: of the field that is asked. */
export function operatorName(operator: Operator | "is_empty", type: string): string {
  return ((type === "date" || type === "datetime") && WORDS_OF_TIME[operator]) || WORDS[operator];
}
