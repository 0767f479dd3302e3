import { expect, test } from "vitest";
import type { Attempt } from "../runs/chain";
import { nextOf } from "./next";
import { openExecutions } from "./open";
import { progress, progressLine } from "./progress";

const STEPS = ["Note", "Bill", "Move"].map((name) => ({ id: name.toLowerCase(), name, type: "x" }));
const attempt = (number: number, outcome: string) =>
  ({ outcome, step: { number, ...STEPS[number - 1]! }, earlier_tries: [] }) as unknown as Attempt;
const states = (state: string, attempts: Attempt[]) => progress({ state, attempts, steps: STEPS }).map((it) => it.state);

test("the whole chain is there from the beginning", () => {
  expect(states("queued", [])).toEqual(["waiting", "todo", "todo"]);
  expect(states("running", [attempt(1, "running")])).toEqual(["running", "todo", "todo"]);
  expect(states("running", [attempt(1, "succeeded")])).toEqual(["done", "running", "todo"]);
  expect(states("waiting", [attempt(1, "succeeded"), attempt(2, "succeeded")])).toEqual(["done", "done", "waiting"]);
  expect(states("retrying", [attempt(1, "succeeded"), attempt(2, "failed")])).toEqual(["done", "waiting", "todo"]);
});

test("what has ended says of each step how", () => {
  expect(states("failed", [attempt(1, "succeeded"), attempt(2, "failed")])).toEqual(["done", "failed", "todo"]);
  expect(states("unknown", [attempt(1, "unknown")])).toEqual(["unknown", "todo", "todo"]);
  expect(states("succeeded", [attempt(1, "succeeded")])).toEqual(["done", "skipped", "skipped"]);
  // A Retry that went through counts, not what was before it.
  expect(states("succeeded", [attempt(1, "failed"), attempt(1, "succeeded"), attempt(2, "succeeded"), attempt(3, "succeeded")])).toEqual(["done", "done", "done"]);
});

test("asked for again, the step that failed is under way", () => {
  expect(states("running", [attempt(1, "succeeded"), attempt(2, "failed")])).toEqual(["done", "running", "todo"]);
});

test("without the version's steps those are shown that have begun", () => {
  const chain = progress({ state: "running", attempts: [attempt(2, "running")] });
  expect(chain.map((it) => it.name)).toEqual(["Step 1", "Bill"]);
});

test("one line says where it is", () => {
  expect(progressLine(progress({ state: "running", attempts: [attempt(1, "succeeded")], steps: STEPS }))).toBe("Step 2 of 3: Bill");
  expect(progressLine(progress({ state: "succeeded", attempts: [1, 2, 3].map((it) => attempt(it, "succeeded")), steps: STEPS }))).toBe("3 steps");
});

test("a failure stays open until the same action was performed again; an unknown one until somebody closes it", () => {
  const item = (id: string, action: string, state: string, status: string) => ({ id, action: { id: action }, state, status });
  const items = [
    item("5", "a", "running", "Pending"),
    item("4", "b", "failed", "Fail"),
    item("3", "a", "failed", "Fail"),
    item("2", "a", "unknown", "Fail"),
    item("1", "b", "dismissed", "Fail"),
    item("0", "c", "succeeded", "Success"),
  ];
  expect(openExecutions(items).map((it) => it.id)).toEqual(["5", "4", "2"]);
});

test("the next task is the one after that is still there, else the first one", () => {
  const next = (seen: string[], now: string[], current: string, isWhole = true) => nextOf({ seen, now, isWhole }, current);
  expect(next(["1", "2", "3"], ["1", "2", "3"], "2")).toBe("3");
  expect(next(["1", "2", "3", "4"], ["1", "4"], "2")).toBe("4");
  expect(next(["1", "2", "3"], ["1", "2"], "3")).toBe("1");
  expect(next([], ["1", "3"], "2")).toBe("1");
  expect(next(["1", "2"], [], "2")).toBeNull();
  expect(next(["2"], ["2"], "2")).toBeNull();
  // Of a long list not all is known: what was seen counts.
  expect(next(["8", "9"], ["1", "2"], "8", false)).toBe("9");
});
