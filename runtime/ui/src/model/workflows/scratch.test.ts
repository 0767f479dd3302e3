import { expect, test } from "vitest";
import { slug } from "../flow/document";
import { fromScratch, nameProblem, renamed } from "./scratch";

test("an id is made of a name as the server makes it", () => {
  for (const [name, expected] of [
    ["Company ID", "company-id"],
    ["International?", "international"],
    ["  Expected  Close Date ", "expected-close-date"],
    ["Über größe", "über-größe"],
    ["?!", ""],
  ] as const) {
    expect(slug(name)).toBe(expected);
  }
});

test("from scratch: three stages in a row, and two actions that move a task along them", () => {
  const document = fromScratch("  New Orders ");
  expect([document.name, document.id]).toEqual(["New Orders", "new-orders"]);
  expect(document.stages!.map((it) => [it.name, it.id, it.end ?? false])).toEqual([
    ["Not Started", "not-started", false],
    ["In Progress", "in-progress", false],
    ["Done", "done", true],
  ]);
  expect(document.actions!.map((it) => [it.name, it.from, it.steps!.map((step) => [step.type, step["stage"]])])).toEqual([
    ["Start", ["Not Started"], [["move_to_stage", "In Progress"]]],
    ["Finish", ["In Progress"], [["move_to_stage", "Done"]]],
  ]);
});

test("no two of its parts stand at one place, and each has an id of its own", () => {
  const { stages = [], actions = [] } = fromScratch("A");
  const places = [...stages, ...actions].map((it) => String(it.position));
  expect(new Set(places).size).toBe(5);
  for (const parts of [stages, actions]) expect(new Set(parts.map((it) => it.id)).size).toBe(parts.length);
  for (const at of [...stages, ...actions].flatMap((it) => it.position!)) expect(Number.isInteger(at)).toBe(true);
});

test("each action leads from a stage that there is to the next one", () => {
  const { stages = [], actions = [] } = fromScratch("A");
  const names = stages.map((it) => it.name);
  actions.forEach((action, index) => {
    expect(action.from).toEqual([names[index]]);
    expect(action.steps![0]!["stage"]).toBe(names[index + 1]);
  });
});

test("a rename changes the name alone", () => {
  const before = fromScratch("Orders");
  const after = renamed(before, " Sales ");
  expect(after).toEqual({ ...before, name: "Sales" });
  expect(after.id).toBe("orders");
  expect(before.name).toBe("Orders");
});

test("what no workflow can be called", () => {
  for (const name of ["Orders", "42", "Größe?", ""]) expect(nameProblem(name)).toBeUndefined();
  for (const name of ["{a}", "?!", "x".repeat(101)]) expect(nameProblem(name)).toBeTruthy();
});
