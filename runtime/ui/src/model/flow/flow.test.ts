// The document and its canvas: what toCanvas shows, fromCanvas gives back; edits, names that are followed, undo.
import { expect, test } from "vitest";
import { disconnect, fromCanvas, place, toCanvas } from "./canvas";
import { changes } from "./difference";
import { type FlowDocument, settle, slug } from "./document";
import { addAction, addStage, canConnect, changeAction, connect, movesTo, offer, remove, renameAction, renameStage, takePlaceOf } from "./edit";
import { changeField, fieldNameProblem, nameProblem, removeField } from "./fields";
import { begin, canRedo, record, redo, undo } from "./history";
import { arranged, shownAt } from "./layout";
import { about, located, ofItself, strandedWords, whereabouts } from "./problems";
import { sample } from "./sample";
import { newStep, putStep, removeStep, reorderSteps, summarize } from "./steps";

test("a canvas gives back the document that it was made from", () => {
  const canvas = toCanvas(sample);
  expect(fromCanvas(canvas, sample)).toEqual(sample);
  expect(canvas.nodes.map((it) => it.id)).toEqual(["stage:not-started", "stage:in-progress", "stage:done", "action:start", "action:finish"]);
  expect(canvas.edges.map((it) => `${it.source} ${it.kind} ${it.target}`)).toEqual([
    "stage:not-started offers action:start",
    "action:start moves stage:in-progress",
    "stage:in-progress offers action:finish",
    "action:finish moves stage:done",
    "action:finish later stage:not-started",
  ]);
  // And the other way round.
  expect(toCanvas(fromCanvas(canvas, sample))).toEqual(canvas);
  const bare: FlowDocument = { id: "a", name: "A" };
  expect(fromCanvas(toCanvas(bare), bare)).toEqual(bare);
});

test("an arrow that is taken away on the canvas is gone from the document, and nothing else", () => {
  const next = disconnect(sample, ["in-progress>action:finish", "action:start>move>in-progress"]);
  expect(next.actions![0]!.steps).toEqual([]);
  expect(next.actions![1]!.from).toEqual(["Nowhere"]);
  expect(next.actions![1]!.steps).toEqual(sample.actions![1]!.steps);
  expect(place(sample, new Map([["action:start", [5, 6]]])).actions![0]!.position).toEqual([5, 6]);
});

test("connecting two stages makes an action between them; stage and action, an arrow", () => {
  const { document, made } = connect(sample, { kind: "stage", id: "not-started" }, { kind: "stage", id: "done" }, [10, 20]);
  const action = document.actions!.find((it) => it.id === made)!;
  expect(action).toEqual({ id: "move-to-done", name: "Move to Done", color: "green", from: ["Not Started"], position: [10, 20], steps: [{ id: "move-to-stage", name: "Move to stage", type: "move_to_stage", stage: "Done" }] });
  const offered = connect(sample, { kind: "stage", id: "not-started" }, { kind: "action", id: "finish" }).document;
  expect(offered.actions![1]!.from).toContain("Not Started");
  const moved = connect(sample, { kind: "action", id: "start" }, { kind: "stage", id: "done" }).document;
  expect(moved.actions![0]!.steps![0]!["stage"]).toBe("Done");
  expect(canConnect({ kind: "action", id: "a" }, { kind: "action", id: "b" })).toBe(false);
  expect(offer(sample, "start", "not-started", true)).toBe(sample);
});

test("names and ids of what is new are not taken yet, and follow the name until they are saved", () => {
  const one = addStage(sample);
  const two = addStage(one.document, [3, 4]);
  expect([one.id, two.id]).toEqual(["new-stage", "new-stage-2"]);
  const renamed = renameStage(two.document, two.id, "Review: part 1");
  const { document, became } = settle(renamed, sample);
  expect(document.stages!.map((it) => it.id)).toEqual(["not-started", "in-progress", "done", "new-stage", "review-part-1"]);
  expect(became.get("stage:new-stage-2")).toBe("review-part-1");
  // What is saved keeps its id whatever it is called.
  expect(settle(renameStage(sample, "done", "Completed"), sample).document.stages![2]).toMatchObject({ id: "done", name: "Completed" });
  expect(slug("Zürich – Büro #2")).toBe("zürich-büro-2");
  expect(addAction(sample, { from: ["done"] }).document.actions!.at(-1)).toMatchObject({ name: "New action", from: ["Done"], steps: [] });
});

test("a renamed stage, field or action is followed", () => {
  const stage = renameStage(sample, "in-progress", "Working");
  expect(stage.actions![0]!.steps![0]!["stage"]).toBe("Working");
  expect(stage.actions![1]!.from).toEqual(["Working", "Nowhere"]);
  expect(stage.actions![1]!.requires!.conditions![0]!.all![0]).toEqual({ field: "Stage", one_of: ["Working", "Done"] });
  expect(renameStage(sample, "done", "Over").actions![1]!.steps![1]!["fields"]).toMatchObject({ Stage: "Over" });
  const field = changeField(sample, "company-name", { name: "Firm" });
  const [call, set] = field.actions![1]!.steps!;
  expect(call!["url"]).toBe("https://a.example/{{Firm}}?x={{ task.Firm }}");
  expect(call!["response"]).toEqual({ Firm: "/name" });
  expect(set!["fields"]).toEqual({ Firm: "{{Firm}}!", Stage: "Done" });
  expect(changeField(sample, "contract-value", { name: "Value" }).actions![1]!.requires).toMatchObject({ fields: ["Value"] });
  expect(renameAction(sample, "finish", "End").roles![0]!.perform).toEqual(["Start", "End"]);
  expect(removeField(sample, "company-id").fields).toHaveLength(2);
  expect(nameProblem("Stage", [])).toBeUndefined();
  expect(fieldNameProblem("Stage", [])).toBeDefined();
  // Typed through, it would take the places of all that is meant already with it.
  for (const name of ["action", "user.email", "secrets.X"]) expect(fieldNameProblem(name, []), name).toBeDefined();
  expect(fieldNameProblem("action taken", [])).toBeUndefined();
  expect(nameProblem("Open", ["Open"])).toBeDefined();
  expect(nameProblem("Open", [])).toBeUndefined();
});

test("a removed stage takes its arrows with it, a removed action its roles' rights", () => {
  const next = remove(sample, [{ kind: "stage", id: "in-progress" }, { kind: "action", id: "finish" }]);
  expect(next.stages!.map((it) => it.id)).toEqual(["not-started", "done"]);
  expect(next.actions).toEqual([{ ...sample.actions![0], steps: [] }]);
  expect(next.roles![0]!.perform).toEqual(["Start"]);
  const { document, id } = addStage(remove(sample, [{ kind: "stage", id: "done" }]));
  expect(takePlaceOf(document, "done", id).stages!.at(-1)).toMatchObject({ id: "done", name: "New stage" });
});

test("what moves to a stage later goes with it, too, and is an arrow that can be taken away", () => {
  const next = remove(sample, [{ kind: "stage", id: "not-started" }]);
  expect(next.actions![1]!.steps!.map((it) => it.id)).toEqual(["call", "set", "move"]);
  expect(disconnect(sample, ["action:finish>later>not-started"]).actions![1]!.steps).toEqual(next.actions![1]!.steps);
  expect(sample.stages!.map((stage) => sample.actions!.flatMap((it) => it.steps!.filter((step) => movesTo(step, stage)).map((step) => step.id)))).toEqual([["later"], ["move"], ["move"]]);
});

test("steps are added, put in order, summed up and removed", () => {
  const step = newStep(sample, "finish", { id: "move_to_stage", name: "Move to stage", category: "task" });
  expect(step).toEqual({ id: "move-to-stage-2", name: "Move to stage 2", type: "move_to_stage" });
  const more = putStep(sample, "start", { ...step, stage: "Done" });
  expect(more.actions![0]!.steps!.map((it) => it.id)).toEqual(["move", "move-to-stage-2"]);
  expect(putStep(more, "start", { ...step, stage: "In Progress" }).actions![0]!.steps![1]!["stage"]).toBe("In Progress");
  const order = (keys: string[], target: string, where: "before" | "after") => reorderSteps(sample, "finish", keys, target, where).actions![1]!.steps!.map((it) => it.id);
  expect(order(["call"], "move", "after")).toEqual(["set", "move", "call", "later"]);
  expect(order(["later"], "call", "before")).toEqual(["later", "call", "set", "move"]);
  expect(removeStep(sample, "finish", "set").actions![1]!.steps).toHaveLength(3);
  expect(summarize(sample.actions![0]!.steps![0]!, undefined)).toEqual({ text: "Move to", stage: "In Progress" });
  expect(summarize({ id: "a", name: "API call", type: "api_call", url: "https://x" }, { id: "api_call", name: "API call", category: "" })).toEqual({ text: "API call to", address: "https://x" });
});

test("everything has a place: what was put stays, what is new stands beside it", () => {
  const all = arranged(sample);
  expect(all.size).toBe(5);
  expect(new Set([...all.values()].map(String)).size).toBe(5);
  const shown = shownAt(place(sample, new Map([["stage:not-started", [1000, 1000]]])));
  expect(shown.get("stage:not-started")).toEqual([1000, 1000]);
  expect(shown.get("stage:in-progress")![1]).toBeGreaterThan(1000);
});

test("undo and redo walk through edits; typing is one of them", () => {
  let history = begin("a");
  history = record(history, "ab", "name");
  history = record(history, "abc", "name");
  history = record(history, "x");
  expect(undo(history).present).toBe("abc");
  expect(undo(undo(history)).present).toBe("a");
  expect(redo(undo(undo(history))).present).toBe("abc");
  expect(canRedo(record(undo(history), "y"))).toBe(false);
  // After an undo, typing begins a new step.
  expect(record(record(undo(history), "d", "name"), "de", "name").past.at(-1)).toBe("abc");
});

test("a problem stands beside what its pointer leads to", () => {
  const all = located(sample, [
    { path: "/actions/1/steps/0/url", message: "bad", level: "problem" },
    { path: "/actions/1/from", message: "lost", level: "problem" },
    { path: "/stages/2/name", message: "long", level: "finding" },
    { path: "", message: "whole", level: "problem" },
    { path: null, message: "somewhere", level: "problem" },
  ]);
  expect(all.map((it) => whereabouts(it.concerns))).toEqual(["“Finish”, step “Tell”", "Action “Finish”", "Stage “Done”", "The workflow", "The workflow"]);
  expect(about(all, "action", "finish", "call")).toHaveLength(1);
  expect(ofItself(all, "finish", "/from")).toHaveLength(1);
  expect(ofItself(all, "finish", "/requires")).toHaveLength(0);
  expect(strandedWords({ code: "stage_in_use", name: "Open", tasks: 12, message: "" })).toMatch(/^12 tasks are in the stage “Open”/);
  expect(strandedWords({ code: "values_break_type", name: "Price", tasks: 1, message: "" })).toMatch(/^1 task has a value for “Price”/);
  expect(strandedWords({ code: "new_kind", name: null, tasks: 1, message: "as told" })).toBe("as told");
});

test("what another editor has done is told in words", () => {
  const other = changeAction(renameStage(addStage(sample).document, "done", "Completed"), "start", { steps: [] });
  expect(changes(sample, other)).toEqual([
    { kind: "changed", what: "Stage “Completed”", how: "was “Done”" },
    { kind: "added", what: "Stage “New stage”" },
    { kind: "changed", what: "Action “Start”", how: "step “Move to stage” removed" },
    { kind: "changed", what: "Action “Finish”", how: "requirements, step “Set” changed (fields), step “Move to stage” changed (stage)" },
  ]);
  expect(changes(sample, structuredClone(sample))).toEqual([]);
  expect(changes(sample, place(sample, new Map([["action:start", [5, 6]], ["action:finish", [7, 8]]])))).toEqual([{ kind: "changed", what: "Canvas", how: "where things stand" }]);
});
