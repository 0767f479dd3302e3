// Forms: places in texts, the API call's parameters, conditions, schemas made ready, drafts.
import { expect, test } from "vitest";
import { authOf, headerProblem, pairsTo, withAuth, withFormat, withValue } from "./apicall";
import { operatorIn, operatorsOf, subjects, testOf, valueKind, worded } from "./conditions";
import type { Step } from "./document";
import { draftKey, dropDraft, keepDraft, readDraft } from "./draft";
import { lineKind, lines } from "./parts";
import { fieldPlace, insert, placeGroups } from "./places";
import { sample } from "./sample";
import { isShown, prepare, titled } from "./schema";
import { grouped } from "./steps";
import { check } from "./validate";

const call: Step = { id: "call", name: "API call", type: "api_call", url: "https://a.example/" };

test("the field picker writes a place where the caret is, over what is selected", () => {
  expect(insert("https://a/x", "{{Company Name}}", 10, 11)).toEqual({ text: "https://a/{{Company Name}}", caret: 26 });
  expect(insert("ab", "{{action}}", 1, 1)).toEqual({ text: "a{{action}}b", caret: 11 });
  expect(insert("ab", "{{X}}", 99, 3)).toEqual({ text: "ab{{X}}", caret: 7 });
  expect(fieldPlace("action")).toBe("{{task.action}}");
  expect(fieldPlace("user.email")).toBe("{{task.user.email}}");
  const groups = placeGroups(sample, ["TOKEN"]);
  expect(groups[0]!.places.map((it) => it.text)).toEqual(["{{Stage}}", "{{Assigned To}}", "{{Company ID}}", "{{Company Name}}", "{{Contract Value}}"]);
  expect(groups.at(-1)!.places).toEqual([{ name: "TOKEN", text: "{{secrets.TOKEN}}" }]);
});

test("an API call has one kind of authorization, and headers by name", () => {
  expect(authOf(call).kind).toBe("none");
  const bearer = withAuth(call, "bearer", { token: "{{secrets.T}}" });
  expect(bearer["auth"]).toEqual({ bearer: "{{secrets.T}}" });
  expect(authOf(bearer)).toEqual({ kind: "bearer", values: { token: "{{secrets.T}}" } });
  expect(withAuth(bearer, "none")).toEqual(call);
  expect(authOf(withAuth(call, "api_key"))).toEqual({ kind: "api_key", values: { header: "X-Api-Key", value: "" } });
  expect(withFormat({ ...call, format: "custom", method: "GET", body: "x" }, "default")).toEqual(call);
  expect(withValue(withValue(call, "timeout", "10s"), "timeout", "")).toEqual(call);
  expect(pairsTo([["A", "1"], ["", "2"]])).toEqual({ A: "1" });
  expect(headerProblem([["webhook-id", ""]], "webhook-id")).toBeDefined();
  expect(headerProblem([["A", ""], ["a", ""]], "a")).toBeDefined();
  expect(headerProblem([["X-Company", ""]], "X-Company")).toBeUndefined();
});

test("a test of a field keeps what fits when its operator changes", () => {
  const [stage, , , , value] = subjects(sample);
  expect(testOf(stage!)).toEqual({ field: "Stage", equals: "Not Started" });
  expect(testOf(value!, "at_least", { field: "Contract Value", at_least: "10" })).toEqual({ field: "Contract Value", at_least: "10" });
  expect(testOf(value!, "is_set", { field: "Contract Value", at_least: "10" })).toEqual({ field: "Contract Value", is_set: true });
  expect(valueKind("stage", "one_of")).toBe("options");
  expect(operatorsOf("file")).toEqual(["is_set"]);
  expect(operatorIn({ field: "a", is_set: false })).toBe("is_set");
  expect(worded({ field: "Due", at_most: "today" }, "date")).toBe("Due is on or before today");
});

test("a plugin's schema becomes a form: hints are widgets, alternatives one input, the rest is under more", () => {
  const schema = {
    type: "object",
    properties: {
      text: { type: "string", "x-onward": { template: "html", widget: "textarea" } },
      stage: { type: "string", "x-onward": { widget: "stage", order: -1 } },
      channel: { anyOf: [{ type: ["string", "null"] }, { type: "string", pattern: "\\{\\{" }], "x-onward": { template: "text" } },
      token: { type: "string", pattern: "\\{\\{\\s*secrets\\.", "x-onward": { secret: true } },
      security: { oneOf: [{ type: "string", const: "tls" }, { type: "string", const: "none" }], default: "tls" },
      tests: { type: ["array", "null"], "x-onward": { widget: "condition" } },
      how: { $ref: "#/$defs/How" },
      timeout: { type: ["string", "integer"], pattern: "^0*[1-9][0-9]*\\s*(ms|s|m|h|d)\\s*$", default: "30s" },
    },
    $defs: { How: { type: "object", properties: { webhook_url: { type: "string" } } } },
    required: ["text"],
  };
  const { schema: made, uiSchema } = prepare(schema);
  expect(Object.keys(made["properties"] as object)[0]).toBe("stage");
  const widget = (key: string) => (uiSchema[key] as Record<string, unknown>)["ui:widget"] ?? (uiSchema[key] as Record<string, unknown>)["ui:field"];
  expect(["text", "stage", "channel", "token", "tests", "timeout"].map(widget)).toEqual(["templateArea", "stage", "template", "secret", "condition", "duration"]);
  expect((uiSchema["timeout"] as { "ui:options": { hints: { group: string } } })["ui:options"].hints.group).toBe("More");
  expect((made["properties"] as Record<string, { type: string }>)["security"]!.type).toBe("string");
  expect(JSON.stringify(made)).toContain('"Webhook URL"');
  expect(titled("api_url")).toBe("API URL");
  expect(isShown({ showIf: { kind: "a" } }, { kind: "b" })).toBe(false);
  expect(isShown({ showIf: { kind: "a" } }, {}, { kind: "a" })).toBe(true);
});

test("what a schema refuses is told beside the parameter", () => {
  const schema = { type: "object", required: ["url"], properties: { url: { type: "string", minLength: 1 }, n: { type: "integer", minimum: 2 } }, additionalProperties: false };
  expect(check(schema, {})).toEqual([{ path: "/url", message: "This is needed." }]);
  expect(check(schema, { url: "a", n: 1 }).map((it) => it.path)).toEqual(["/n"]);
  expect(check(schema, { url: "a", n: 2 })).toEqual([]);
});

test("step types stand in groups, and are found by words", () => {
  const types = [
    { id: "zap", name: "Start a Zap", category: "integration" },
    { id: "move", name: "Move to stage", category: "task", summary: "Moves the task" },
    { id: "luhn", name: "Luhn", category: "checks" },
  ];
  expect(grouped(types).map((it) => it.title)).toEqual(["Task", "Integrations", "Checks"]);
  expect(grouped(types, "moves TASK").flatMap((it) => it.types.map((type) => type.id))).toEqual(["move"]);
});

test("a draft is kept until it says what is saved", () => {
  const kept = new Map<string, string>();
  const shelf = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value), removeItem: (key: string) => void kept.delete(key) };
  const document = { ...sample, name: "Other" };
  expect(keepDraft(shelf, "w", { version: 3, base: sample, document, at: "now" })).toBe(true);
  expect(readDraft(shelf, "w")).toEqual({ version: 3, base: sample, document, at: "now" });
  keepDraft(shelf, "w", { version: 3, base: sample, document: sample, at: "now" });
  expect(readDraft(shelf, "w")).toBeUndefined();
  // What is typed into a step is kept before it is applied, for as long as there is such a step.
  const action = sample.actions![0]!;
  const step = { open: { action: action.id, type: "api_call" }, step: { id: "call", name: "Call", type: "api_call" } };
  keepDraft(shelf, "w", { version: 3, base: sample, document: sample, step, at: "now" });
  expect(readDraft(shelf, "w")?.step).toEqual(step);
  keepDraft(shelf, "w", { version: 3, base: sample, document: sample, step: { ...step, open: { action: action.id, step: "gone" } }, at: "now" });
  expect(readDraft(shelf, "w")).toBeUndefined();
  keepDraft(shelf, "w", { version: 3, base: sample, document: sample, at: "now" });
  expect(kept.size).toBe(0);
  kept.set("w", "no json");
  expect(readDraft(shelf, "w")).toBeUndefined();
  const full = { ...shelf, setItem: () => { throw new Error("full"); } };
  expect(keepDraft(full, "w", { version: 3, base: sample, document, at: "now" })).toBe(false);
});

test("a draft is one person's, and only the tab that wrote it removes it", () => {
  const kept = new Map<string, string>();
  const shelf = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value), removeItem: (key: string) => void kept.delete(key) };
  const [hers, his] = [draftKey("anna", "w"), draftKey("ben", "w")];
  const draft = { version: 3, base: sample, document: { ...sample, name: "Other" }, at: "now" };
  keepDraft(shelf, hers, draft);
  expect(readDraft(shelf, his)).toBeUndefined();
  // Another tab goes on: it is not for this one, where nothing is edited, to throw that away.
  kept.set(hers, JSON.stringify({ ...draft, at: "later" }));
  keepDraft(shelf, hers, { ...draft, document: sample });
  dropDraft(shelf, hers);
  expect(readDraft(shelf, hers)?.at).toBe("later");
  keepDraft(shelf, hers, draft);
  dropDraft(shelf, hers);
  expect(kept.size).toBe(0);
});

test("the server's difference of two versions is told in lines", () => {
  const none = { added: [], removed: [], reordered: false, changed: [] };
  const steps = { ...none, added: [{ id: "call", name: "Tell" }] };
  const difference = { workflow: ["name"], fields: { ...none, removed: [{ id: "a", name: "A" }] }, stages: { ...none, reordered: true }, roles: none, actions: { ...none, changed: [{ id: "finish", name: "Finish", keys: ["on_failure", "steps"], steps }] } };
  expect(lines(difference)).toEqual([
    { kind: "changed", what: "Workflow", how: "name" },
    { kind: "removed", what: "Field “A”" },
    { kind: "changed", what: "Stages", how: "order" },
    { kind: "changed", what: "Action “Finish”", how: "on failure, step “Tell” added" },
  ]);
  expect(["+a", "-a", "@@ 1", " a"].map(lineKind)).toEqual(["added", "removed", "head", "same"]);
});
