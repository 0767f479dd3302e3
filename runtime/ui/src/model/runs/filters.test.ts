import { expect, test } from "vitest";
import { fromLocal, toLocal } from "../times";
import { bulkRetry, inWords, listQuery, readFilters, stateChoices, writeFilters } from "./filters";
import { fullName } from "../people/person";
import { taskLabel } from "./tasks";

const NOW = Date.parse("2026-01-02T00:00:00Z");
const read = (text: string) => readFilters(new URLSearchParams(text));

test("filters stand in the address and come back from it", () => {
  for (const address of ["", "state=failed&action=finish&task=42", "status=Fail&within=24h", "since=2026-01-01T00%3A00%3A00.000Z&until=2026-01-02T00%3A00%3A00.000Z"]) {
    const filters = read(address);
    expect(readFilters(writeFilters(filters))).toEqual(filters);
    expect(writeFilters(filters).toString()).toBe(address);
  }
});

test("what the address should not have is left out", () => {
  expect(read("state=exploded&status=Never&within=1y&since=yesterday&page=3&task=++")).toEqual({});
  // A state says its status, a counted time its beginning.
  expect(read("state=failed&status=Fail&within=1h&since=2026-01-01T00:00:00Z")).toEqual({ state: "failed", within: "1h" });
});

test("the list is asked with instants", () => {
  expect(listQuery(read("within=24h&state=failed"), NOW)).toEqual({ state: "failed", since: "2026-01-01T00:00:00.000Z" });
});

test("retrying all takes over the filters, where what matches can have failed", () => {
  expect(bulkRetry(read(""), NOW)).toEqual({});
  expect(bulkRetry(read("status=Fail&action=finish&within=24h"), NOW)).toEqual({ action: "finish", since: "2026-01-01T00:00:00.000Z" });
  expect(bulkRetry(read("state=unknown&task=42"), NOW)).toEqual({ state: "unknown", task: "42" });
  for (const other of ["status=Pending", "status=Success", "state=cancelled", "state=waiting"]) expect(bulkRetry(read(other), NOW)).toBeNull();
});

test("filters in words", () => {
  expect(inWords(read("state=failed&action=finish&task=42&within=1h"), () => "Finish", String)).toEqual([
    "in the state Failed",
    "of the action Finish",
    "of the task 42",
    "of the last hour",
  ]);
});

test("a local time goes there and back", () => {
  const at = "2026-01-01T12:30:00.000Z";
  expect(fromLocal(toLocal(at))).toBe(at);
  expect([toLocal(undefined), toLocal("x"), fromLocal(""), fromLocal("x")]).toEqual(["", "", undefined, undefined]);
});

test("every state can be chosen, by itself or by its status", () => {
  expect(stateChoices().map((it) => it.id)).toEqual(["any", "Pending", "queued", "running", "retrying", "waiting", "blocked", "Success", "Fail", "failed", "unknown", "cancelled", "dismissed"]);
});

test("a task is called by its Unique ID and its first text", () => {
  expect(taskLabel("01a225f0-933b-7000-b50e-134c09897dcc", { unique_id: "42", title: "Acme Corp" })).toBe("42 · Acme Corp");
  expect(taskLabel("01a225f0-933b-7000-b50e-134c09897dcc", { unique_id: null, title: " " })).toBe("…09897dcc");
  expect(taskLabel("01a225f0-933b-7000-b50e-134c09897dcc", null)).toBe("…09897dcc");
  expect(fullName({ email: "ada@example.com", first_name: null, last_name: null })).toBe("ada@example.com");
  expect(fullName({ email: null, first_name: "Billing", last_name: null })).toBe("Billing");
});
