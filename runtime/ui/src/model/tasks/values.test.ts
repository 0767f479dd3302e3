import { describe, expect, test } from "vitest";
import { activities, changesOf } from "./activity";
import { type ChecklistItem, byStages } from "./checklist";
import type { Field } from "./columns";
import { mentionsOf } from "./mentions";
import { toLocal } from "../times";
import { fromDraft, grouped, isUnchanged, shown, toDraft } from "./values";

const field = (type: Field["type"], more: Partial<Field> = {}): Field => ({ id: "f", name: "F", type, required: false, editable: true, ...more });

describe("values are shown by their type", () => {
  test("exact decimals keep every digit", () => {
    expect(grouped("10000.00")).toBe(`${(10000).toLocaleString()}${(1.5).toLocaleString()[1]}00`);
    expect(grouped("-123456789012345678901234567890")).toContain("890");
    expect(grouped("not a number")).toBe("not a number");
    expect(shown("number", "2020")).toBe("2020");
  });

  test("dates are of no time zone", () => {
    expect(shown("date", "2020-01-31")).toBe(new Date(2020, 0, 31).toLocaleDateString(undefined, { dateStyle: "medium" }));
    expect(shown("date", "soon")).toBe("soon");
  });

  test("people by their names, files by theirs, nothing as nothing", () => {
    expect(shown("assignee", "Ada@example.com", new Map([["ada@example.com", "Ada"]]))).toBe("Ada");
    expect(shown("person", "gone@example.com")).toBe("gone@example.com");
    expect(shown("file", [{ filename: "a.pdf" }, { filename: "b.pdf" }])).toBe("a.pdf, b.pdf");
    expect(shown("multipleSelect", [])).toBe("");
    expect(shown("text", null)).toBe("");
    expect(shown("checkbox", undefined)).toBe("No");
  });
});

describe("drafts", () => {
  test("go there and back", () => {
    const cases: [Field, unknown][] = [
      [field("text"), " spaces stay "],
      [field("number"), "10000.00"],
      [field("checkbox"), true],
      [field("multipleSelect"), ["a", "b"]],
      [field("date"), "2020-01-31"],
      [field("datetime"), "2020-01-31T12:30:00.000Z"],
      [field("file"), [{ blobId: "1", filename: "a", contentType: "b" }]],
      [field("text"), null],
    ];
    for (const [of, value] of cases) {
      expect(fromDraft(of, toDraft(of, value))).toEqual({ value });
      expect(isUnchanged(of, toDraft(of, value), value)).toBe(true);
    }
  });

  test("are refused where a browser can tell", () => {
    expect(fromDraft(field("number"), "1,5")).toHaveProperty("error");
    expect(fromDraft(field("currency"), "1e5")).toHaveProperty("error");
    expect(fromDraft(field("text", { required: true }), "  ")).toEqual({ error: "is required" });
    expect(fromDraft(field("multipleSelect", { required: true }), [])).toEqual({ error: "is required" });
    expect(fromDraft(field("uniqueId", { required: true, autoincrement: true }), "")).toEqual({ value: null });
    expect(fromDraft(field("email"), " a@example.com ")).toEqual({ value: "a@example.com" });
  });

  test("an instant is typed in this machine's zone", () => {
    const at = "2026-11-29T06:05:00.000Z";
    expect(new Date(toLocal(at)).toISOString()).toBe(at);
    expect(toLocal("never")).toBe("");
  });
});

test("a checklist begins with the task's own stage and leaves out stages without items", () => {
  const item = (id: string, Stage: string, status: ChecklistItem["status"]) => ({ id, Stage, status }) as ChecklistItem;
  const groups = byStages([item("1", "Open", "Completed"), item("2", "Closed", "Blank"), item("3", "Open", "Skipped"), item("4", "Gone", "Blank")], ["Open", "Busy", "Closed"], "Closed");
  expect(groups.map(({ stage, items, done }) => [stage, items.length, done])).toEqual([["Closed", 1, 0], ["Open", 2, 2], ["Gone", 1, 0]]);
});

test("changes that an execution made stand with it, the newest is first", () => {
  const entry = (number: number, at: string, execution_id: string | null) => ({ number, at, execution_id, cause: "changed", performed_by: null, changes: {} });
  const execution = (id: string, created_at: string) => ({ id, created_at }) as Parameters<typeof activities>[1][number];
  const history = [entry(1, "2026-01-01T00:00:00Z", null), entry(2, "2026-01-01T00:00:02Z", "e1"), entry(3, "2026-01-01T00:00:03Z", "older"), entry(4, "2026-01-01T00:00:04Z", null)];
  const story = activities(history, [execution("e2", "2026-01-01T00:00:05Z"), execution("e1", "2026-01-01T00:00:01Z")]);
  expect(story.map((it) => it.key)).toEqual(["e2", "change-4", "change-3", "e1", "change-1"]);
  expect(story[3]).toMatchObject({ changes: [{ number: 2 }] });
});

test("a new task's empty values are no changes", () => {
  const changes = { A: { before: null, after: "x" }, B: { before: false, after: false } };
  expect(changesOf({ changes } as never).map((it) => it.field)).toEqual(["A"]);
});

test("mentions are found by the longest name", () => {
  const parts = mentionsOf("Ask @ada lovelace, not @Ada or a@Adam.", ["Ada", "Ada Lovelace"]);
  expect(parts.filter((it) => it.isMention).map((it) => it.text)).toEqual(["@ada lovelace", "@Ada"]);
  expect(parts.map((it) => it.text).join("")).toBe("Ask @ada lovelace, not @Ada or a@Adam.");
  expect(mentionsOf("x", [])).toEqual([{ text: "x", isMention: false }]);
});
