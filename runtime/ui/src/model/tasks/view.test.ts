import { describe, expect, test } from "vitest";
import { type Column, type Field, addressOf, columnsOf, readHidden, titleOf, visible, writeHidden } from "./columns";
import { type Test, isComplete, newTest, operatorsOf, readTest, refusals, sentence, toWire, withOperator } from "./filters";
import { moved } from "./grid";
import { DEFAULT_VIEW, type View, countsQuery, isNarrowed, listQuery, nextSort, readView, writeView } from "./view";

const field = (name: string, type: Field["type"]): Field => ({ id: name.toLowerCase(), name, type, required: false, editable: true });
const FIELDS = [field("Number", "uniqueId"), field("Customer", "text"), field("Value", "currency"), field("Sent", "datetime"), field("Tags", "multipleSelect"), field("Paid", "checkbox")];
const COLUMNS = columnsOf(FIELDS);
const column = (name: string): Column => COLUMNS.find((it) => it.name === name)!;

test("the column that names a task is first, and what every task has stands around the workflow's fields", () => {
  expect(COLUMNS.map((it) => it.name)).toEqual(["Customer", "Assigned To", "Stage", "Number", "Value", "Sent", "Tags", "Paid", "Created On", "Updated On"]);
  expect(COLUMNS.filter((it) => !it.sortable).map((it) => it.name)).toEqual(["Tags"]);
  expect(COLUMNS.filter((it) => !it.editable).map((it) => it.name)).toEqual(["Stage", "Created On", "Updated On"]);
});

test("a task's address and title", () => {
  const task = { Stage: "Open", "Assigned To": null, "Task URL": "https://x.example/workflows/o/tasks/a%2Fb%20c", Number: "a/b c", Customer: "  " };
  expect(addressOf(task)).toBe("a/b c");
  expect(titleOf(task, FIELDS)).toBe("a/b c");
  expect(titleOf({ ...task, Customer: "Acme" }, FIELDS)).toBe("Acme");
  expect(titleOf({ Stage: "Open", "Assigned To": null }, [])).toBe("Untitled task");
});

test("hidden columns are kept by workflow; the first one cannot be hidden; what is kept may be anything", () => {
  const kept = new Map<string, string>();
  const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
  writeHidden(storage, "orders", ["Customer", "Tags"]);
  expect(readHidden(storage, "orders")).toEqual(["Customer", "Tags"]);
  expect(readHidden(storage, "others")).toEqual([]);
  expect(visible(COLUMNS, ["Customer", "Tags"]).map((it) => it.name)).toEqual(["Customer", "Assigned To", "Stage", "Number", "Value", "Sent", "Paid", "Created On", "Updated On"]);
  kept.set("onward-hidden-columns-orders", "{");
  expect(readHidden(storage, "orders")).toEqual([]);
});

describe("a view and its address", () => {
  const whole: View = {
    search: "acme & co",
    stage: { kind: "one", name: "In Progress" },
    assignee: "ada@example.com",
    tests: [
      { field: "Value", operator: "at_least", value: "1000" },
      { field: "Stage", operator: "one_of", value: ["Open", "Done"] },
      { field: "Paid", operator: "equals", value: true },
      { field: "Tags", operator: "is_empty", value: "" },
    ],
    sort: { by: "Value", descending: true },
  };

  test("say the same", () => {
    const views: View[] = [DEFAULT_VIEW, whole, { ...whole, assignee: null, stage: { kind: "all" }, sort: { by: "Value", descending: false } }, { ...DEFAULT_VIEW, stage: { kind: "one", name: "" } }];
    for (const view of views) expect(readView(new URLSearchParams(writeView(view).toString()))).toEqual(view);
    expect(writeView(DEFAULT_VIEW).toString()).toBe("");
  });

  test("what somebody has typed into an address never throws", () => {
    for (const where of ["{", "null", "[1]", '[["a","nonsense","b"]]', '[["a","one_of","b"]]', '[["a","equals",{}]]']) {
      expect(readView(new URLSearchParams({ where })).tests).toEqual([]);
    }
    expect(readView(new URLSearchParams({ q: "x".repeat(999) })).search).toHaveLength(200);
  });

  test("become what the server is asked", () => {
    const { active, query } = listQuery(whole, COLUMNS);
    expect(active).toBe(false);
    expect(query._search).toBe("acme & co");
    expect(query._sort).toBe("-Value");
    expect(JSON.parse(query._where!)).toEqual([
      { field: "Value", at_least: "1000" },
      { field: "Stage", one_of: ["Open", "Done"] },
      { field: "Paid", equals: true },
      { field: "Tags", is_set: false },
      { field: "Assigned To", equals: "ada@example.com" },
      { field: "Stage", equals: "In Progress" },
    ]);
    expect(listQuery(DEFAULT_VIEW, COLUMNS)).toEqual({ active: true, query: {} });
  });

  test("leave out what is not finished and fields that are gone", () => {
    const tests: Test[] = [newTest(column("Customer")), { field: "Gone", operator: "equals", value: "x" }];
    expect(listQuery({ ...DEFAULT_VIEW, tests, sort: { by: "Gone", descending: false } }, COLUMNS).query).toEqual({});
  });

  test("are counted as they are listed: active ones are those of no end stage", () => {
    const stages = [{ name: "Open", end: false }, { name: "Done", end: true }];
    expect(countsQuery(DEFAULT_VIEW, COLUMNS, stages)).toEqual({ _where: '[{"field":"Stage","one_of":["Open"]}]' });
    expect(countsQuery({ ...DEFAULT_VIEW, assignee: null }, COLUMNS, [stages[0]!])).toEqual({ _where: '[{"field":"Assigned To","is_set":false}]' });
    expect(countsQuery({ ...DEFAULT_VIEW, stage: { kind: "all" } }, COLUMNS, stages)).toEqual({});
  });

  test("are narrowed by all but the stage and the order", () => {
    expect(isNarrowed({ ...DEFAULT_VIEW, stage: { kind: "all" }, sort: { by: "Value", descending: true } })).toBe(false);
    expect(isNarrowed({ ...DEFAULT_VIEW, search: " " })).toBe(false);
    expect(isNarrowed({ ...DEFAULT_VIEW, assignee: null })).toBe(true);
  });
});

test("a heading sorts up, then down, then not", () => {
  expect(nextSort(null, "Value")).toEqual({ by: "Value", descending: false });
  expect(nextSort({ by: "Value", descending: false }, "Value")).toEqual({ by: "Value", descending: true });
  expect(nextSort({ by: "Value", descending: true }, "Value")).toBeNull();
  expect(nextSort({ by: "Value", descending: true }, "Stage")).toEqual({ by: "Stage", descending: false });
});

describe("filters", () => {
  test("offer what can be asked of a column", () => {
    expect(operatorsOf("created")).toEqual([]);
    expect(operatorsOf("checkbox")).toEqual(["equals"]);
    expect(operatorsOf("date")).toContain("at_least");
    expect(operatorsOf("text")).toContain("contains");
  });

  test("keep what was typed when the operator changes, where it still fits", () => {
    const test = { ...newTest(column("Value")), value: "5" };
    expect(withOperator(test, "more_than", "currency").value).toBe("5");
    expect(withOperator({ field: "Stage", operator: "one_of", value: ["a"] }, "not_equals", "stage").value).toBe("");
  });

  test("are finished when there is a value, or none is asked", () => {
    expect(isComplete({ field: "a", operator: "equals", value: "" })).toBe(false);
    expect(isComplete({ field: "a", operator: "one_of", value: [] })).toBe(false);
    expect(isComplete({ field: "a", operator: "is_set", value: "" })).toBe(true);
    expect(isComplete({ field: "a", operator: "equals", value: false })).toBe(true);
    expect(isComplete({ field: "a", operator: "equals", value: "12." }, "currency")).toBe(false);
    expect(isComplete({ field: "a", operator: "equals", value: "-12.5" }, "currency")).toBe(true);
  });

  test("send an instant of this machine's zone as one", () => {
    const wire = toWire({ field: "Sent", operator: "at_least", value: "2026-11-29T12:00" }, "datetime");
    expect(wire).toEqual({ field: "Sent", at_least: new Date("2026-11-29T12:00").toISOString() });
    expect(toWire({ field: "Sent", operator: "is_set", value: "" }, "datetime")).toEqual({ field: "Sent", is_set: true });
  });

  test("are said in a sentence", () => {
    expect(sentence({ field: "Stage", operator: "one_of", value: ["Open", "Done"] }, "stage", (it) => it)).toBe("Stage is one of Open or Done");
    expect(sentence({ field: "Due", operator: "less_than", value: "x" }, "date", () => "today")).toBe("Due is before today");
    expect(sentence({ field: "Paid", operator: "equals", value: false }, "checkbox", (it) => it)).toBe("Paid is not ticked");
  });

  test("that the server refuses are told apart by their places", () => {
    expect(refusals(["test 2: the value is invalid", "something else"])).toEqual(new Map([[1, "the value is invalid"]]));
  });

  test("from an address have three parts of the right kind", () => {
    expect(readTest(["a", "equals", "b"])).toEqual({ field: "a", operator: "equals", value: "b" });
    expect(readTest(["a", "equals"])).toBeUndefined();
    expect(readTest("a")).toBeUndefined();
  });
});

test("keys lead through the grid and stop at its ends", () => {
  const size = { rows: 100, columns: 4, page: 20 };
  const at = (key: string, row = 5, column = 2, ctrlKey = false) => moved({ row, column }, { key, ctrlKey }, size);
  expect(at("ArrowDown")).toEqual({ row: 6, column: 2 });
  expect(at("ArrowUp", 0)).toEqual({ row: -1, column: 2 });
  expect(at("ArrowUp", -1)).toEqual({ row: -1, column: 2 });
  expect(at("ArrowRight", 5, 3)).toEqual({ row: 5, column: 3 });
  expect(at("Home")).toEqual({ row: 5, column: 0 });
  expect(at("End", 5, 2, true)).toEqual({ row: 99, column: 3 });
  expect(at("Home", 50, 2, true)).toEqual({ row: 0, column: 0 });
  expect(at("PageDown", 90)).toEqual({ row: 99, column: 2 });
  expect(at("PageUp", 5)).toEqual({ row: 0, column: 2 });
  expect(at("a")).toBeUndefined();
});
