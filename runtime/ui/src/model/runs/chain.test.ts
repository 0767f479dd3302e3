import { expect, test } from "vitest";
import { type Attempt, type Told, chapters, fieldErrors, spanOf, withoutTitle } from "./chain";
import { currentVersionOffer } from "./retrying";
import { STATE_IDS, possible } from "./states";

const STEPS = ["move", "call", "note"].map((id) => ({ id, name: id, type: "t" }));

function attempt(number: number, step: number, outcome: string, at = "2026-01-01T12:00:00Z", rest: Partial<Attempt> = {}): Attempt {
  return {
    number,
    try: 1,
    started_at: at,
    ended_at: outcome === "running" ? null : at,
    outcome,
    code: null,
    message: null,
    field_errors: {},
    warnings: [],
    curl: null,
    record: null,
    step: { number: step, ...STEPS[step - 1]! },
    version: 1,
    earlier_tries: [],
    ...rest,
  };
}

/** `2+` an attempt of step 2, `now 2`, `rest 3` or `never 3`. */
const outline = (told: Partial<Told>) =>
  chapters({ state: "succeeded", version: 1, attempts: [], steps: STEPS, ...told }).map((it) => {
    if (it.kind === "attempt") return `${it.attempt.step.number}${it.isRetry ? " again" : ""}${it.otherVersion ? " old" : ""}`;
    if (it.kind === "now") return `now ${it.number}`;
    return `${it.willRun ? "rest" : "never"} ${it.number}`;
  });

test("what was tried, what happens and what comes", () => {
  const [moved, called] = [attempt(1, 1, "succeeded"), attempt(2, 2, "failed")];
  expect(outline({ state: "queued" })).toEqual(["now 1", "rest 2", "rest 3"]);
  expect(outline({ state: "running", attempts: [moved] })).toEqual(["1", "now 2", "rest 3"]);
  expect(outline({ state: "running", attempts: [moved, attempt(2, 2, "running")] })).toEqual(["1", "2", "rest 3"]);
  expect(outline({ state: "waiting", attempts: [moved] })).toEqual(["1", "now 2", "rest 3"]);
  expect(outline({ state: "retrying", attempts: [moved, called] })).toEqual(["1", "2", "rest 3"]);
  expect(outline({ state: "failed", attempts: [moved, called] })).toEqual(["1", "2", "never 3"]);
  expect(outline({ state: "failed", attempts: [] })).toEqual(["never 1", "never 2", "never 3"]);
  // A retry that has not its turn yet stands at the step that failed.
  expect(outline({ state: "queued", attempts: [moved, called] })).toEqual(["1", "2", "now 2", "rest 3"]);
  expect(outline({ attempts: [moved, called, attempt(3, 2, "succeeded"), attempt(4, 3, "succeeded")] })).toEqual(["1", "2", "2 again", "3"]);
  // A step that ends the action early leaves the others undone.
  expect(outline({ attempts: [moved] })).toEqual(["1", "never 2", "never 3"]);
  expect(outline({ state: "failed", attempts: [moved, called], version: 2 })).toEqual(["1 old", "2 old", "never 3"]);
});

test("a server that does not say the steps leaves out what is to come", () => {
  expect(outline({ state: "waiting", attempts: [attempt(1, 1, "succeeded")], steps: null })).toEqual(["1", "now 2"]);
});

test("a long pause between two attempts is told, tries of one attempt are one span", () => {
  const first = attempt(1, 1, "succeeded", "2026-01-01T12:00:00Z");
  const later = attempt(3, 2, "failed", "2026-01-01T12:01:40Z", { try: 2, earlier_tries: [attempt(2, 2, "failed", "2026-01-01T12:01:30Z")] });
  const [, second] = chapters({ state: "failed", version: 1, attempts: [first, later], steps: STEPS });
  expect(second).toMatchObject({ kind: "attempt", after: 90_000 });
  expect(spanOf(later)).toEqual({ from: "2026-01-01T12:01:30Z", to: "2026-01-01T12:01:40Z" });
});

test("a failure's words go without the step's title", () => {
  expect(withoutTitle("Step 2 “Tell the billing system”: it answered 500")).toBe("it answered 500");
  expect(withoutTitle("Step 12: it answered: 500")).toBe("it answered: 500");
  expect(withoutTitle("cancelled before the step began")).toBe("cancelled before the step began");
});

test("errors of fields are read in any shape", () => {
  expect(fieldErrors({ Size: ["is too large", "is odd"], Name: "is empty" })).toEqual([
    ["Size", ["is too large", "is odd"]],
    ["Name", ["is empty"]],
  ]);
  for (const none of [null, [], "x", {}]) expect(fieldErrors(none)).toEqual([]);
});

test("every state has what can be done in it", () => {
  const able = (what: "retry" | "cancel" | "dismiss") => STATE_IDS.filter((it) => possible(it)[what]);
  expect(able("retry")).toEqual(["failed", "unknown"]);
  expect(able("dismiss")).toEqual(["failed", "unknown"]);
  expect(able("cancel")).toEqual(["queued", "running", "retrying", "waiting", "blocked"]);
});

test("the current version is offered where it is newer and still has the step", () => {
  const failed = { version: 1, action_id: "finish", attempts: [attempt(1, 2, "failed")] };
  const document = (...ids: string[]) => ({ actions: [{ id: "finish", steps: ids.map((id) => ({ id })) }] });
  expect(currentVersionOffer(failed, undefined)).toBe("same");
  expect(currentVersionOffer(failed, { version: 1, document: document("call") })).toBe("same");
  expect(currentVersionOffer(failed, { version: 2, document: document("call") })).toBe("offered");
  expect(currentVersionOffer(failed, { version: 2, document: document("other") })).toBe("gone");
  expect(currentVersionOffer(failed, { version: 2, document: { actions: [] } })).toBe("gone");
  expect(currentVersionOffer(failed, { version: 2 })).toBe("offered");
});
