// Commands for a workflow's tasks.
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { Field } from "../tasks/columns";
import { commands } from "./curl";

const field = (name: string, type: Field["type"], more: Partial<Field> = {}): Field => ({ id: name.toLowerCase(), name, type, required: false, editable: true, ...more });

const FIELDS = [
  field("Company ID", "uniqueId", { required: true }),
  field("Customer's name", "text"),
  field("Contract Value", "currency"),
  field("Due", "date"),
  field("International?", "checkbox"),
  field("Size", "singleSelect", { options: ["It's small", "Large"] }),
  field("Papers", "file"),
];

const about = { server: "https://onward.example", workflow: "api-sample", fields: FIELDS, action: "finish" };
const TODAY = new Date("2026-11-29T10:00:00Z");

/** What a shell makes of a command: its words. */
const words = (text: string) => execFileSync("sh", ["-c", text.replace(/^curl/, "printf '%s\\0'")]).toString().split("\0").slice(0, -1);

test("a task is added with an example of each field, which a shell takes as it is", () => {
  const [add] = commands(about, TODAY);
  const said = words(add!.text);
  expect(said.at(-1)).toBe("https://onward.example/api/v1/workflows/api-sample/tasks");
  expect(said).toContain("Authorization: Bearer <YOUR-API-KEY>");
  expect(JSON.parse(said[said.indexOf("--data") + 1]!)).toEqual({
    "Company ID": "42",
    "Customer's name": "",
    "Contract Value": 0,
    Due: "2026-11-29",
    "International?": true,
    Size: "It's small",
  });
});

test("what cannot be done is not offered", () => {
  expect(commands(about, TODAY).map((it) => it.title)).toEqual(["Add a task", "Change a task", "Read the tasks", "Perform an action"]);
  expect(commands({ ...about, fields: [field("No", "uniqueId", { autoincrement: true })], action: undefined }, TODAY).map((it) => it.title)).toEqual(["Add a task", "Read the tasks"]);
  const perform = words(commands(about, TODAY).at(-1)!.text);
  expect(JSON.parse(perform[perform.indexOf("--data") + 1]!)).toEqual({ task_id: "42", action_id: "finish" });
});
