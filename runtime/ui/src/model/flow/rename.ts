// A renamed stage or field is followed in everything that names it: files name parts, they do not point at them.
import { type Condition, type FlowDocument, type Step, type Test, actionsOf } from "./document";

type Follow = (name: string) => string;

export function renameStageEverywhere(document: FlowDocument, old: string, name: string): FlowDocument {
  const follow: Follow = (it) => (it === old ? name : it);
  const actions = actionsOf(document).map((action) => ({
    ...action,
    from: action.from.map(follow),
    ...(action.requires?.conditions && { requires: { ...action.requires, conditions: action.requires.conditions.map((it) => inTests(it, stageInTest(follow))) } }),
    ...(action.steps && { steps: action.steps.map((step) => stageInStep(step, follow)) }),
  }));
  return { ...document, actions };
}

/** Steps name a stage by the parameter `stage`, in tests, and as the value of `Stage`. */
function stageInStep(step: Step, follow: Follow): Step {
  const next = inTests(step, stageInTest(follow));
  if (typeof next["stage"] === "string") next["stage"] = follow(next["stage"]);
  const fields = next["fields"];
  if (isObject(fields) && typeof fields["Stage"] === "string") next["fields"] = { ...fields, Stage: follow(fields["Stage"]) };
  return next;
}

const stageInTest = (follow: Follow) => (test: Test) =>
  test.field === "Stage"
    ? (Object.fromEntries(Object.entries(test).map(([key, value]) => [key, key === "field" ? value : inValue(value, follow)])) as Test)
    : test;

const inValue = (value: unknown, follow: Follow): unknown =>
  Array.isArray(value) ? value.map((it) => inValue(it, follow)) : typeof value === "string" ? follow(value) : value;

export function renameFieldEverywhere(document: FlowDocument, old: string, name: string): FlowDocument {
  const follow: Follow = (it) => (it === old ? name : it);
  const inTest = (test: Test) => ({ ...test, field: follow(test.field) });
  const actions = actionsOf(document).map((action) => ({
    ...action,
    ...(action.requires && {
      requires: {
        ...action.requires,
        ...(action.requires.fields && { fields: action.requires.fields.map(follow) }),
        ...(action.requires.conditions && { conditions: action.requires.conditions.map((it) => inTests(it, inTest)) }),
      },
    }),
    ...(action.steps && { steps: action.steps.map((step) => fieldInStep(inTests(step, inTest), follow, old, name)) }),
  }));
  return { ...document, actions };
}

function fieldInStep(step: Step, follow: Follow, old: string, name: string): Step {
  const next = inPlaces(step, old, name) as Step;
  // Whose keys are fields of the task.
  const key = step.type === "update_data" ? "fields" : step.type === "api_call" ? "response" : undefined;
  const values = key && next[key];
  if (key && isObject(values)) next[key] = Object.fromEntries(Object.entries(values).map(([it, value]) => [follow(it), value]));
  return next;
}

/** `{{Old}}` and `{{task.Old}}` become `{{New}}` and `{{task.New}}` in every text below. */
function inPlaces(value: unknown, old: string, name: string): unknown {
  if (typeof value === "string") {
    return value.replace(/\{\{(\s*)(task\.)?([^{}]*?)(\s*)\}\}/g, (whole, before: string, task: string | undefined, named: string, after: string) =>
      named === old ? `{{${before}${task ?? ""}${name}${after}}}` : whole,
    );
  }
  if (Array.isArray(value)) return value.map((it) => inPlaces(it, old, name));
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, key === "type" || key === "id" ? it : inPlaces(it, old, name)]));
  return value;
}

/** What has lists of tests as `all` and `any`: a condition of an action, or a step. */
function inTests<T extends Condition | Step>(whole: T, change: (test: Test) => Test): T {
  const list = (tests: unknown) => (Array.isArray(tests) ? tests.map((it: Test) => (isObject(it) && "field" in it ? change(it) : it)) : tests);
  return { ...whole, ...("all" in whole && { all: list(whole.all) }), ...("any" in whole && { any: list(whole.any) }) } as T;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
