// What becomes of the history when it was saved: every state of it speaks of the same parts as the server.
import { expect, test } from "vitest";
import { type FlowDocument, type Step, follow, settle } from "../../model/flow/document";
import { addAction, addStage, changeAction, changeStage, removeStage, renameAction, renameStage } from "../../model/flow/edit";
import { begin, record, redo, undo } from "../../model/flow/history";
import { sample } from "../../model/flow/sample";
import { applied } from "../../model/flow/steps";
import { type State, next } from "./state";

const opened: State = { saved: { version: 1, document: sample }, history: begin(sample), selected: [], restored: false };
const edited = (state: State, change: (document: FlowDocument) => FlowDocument): State => next(state, { do: "edit", document: change(state.history.present) });

/** Saves what `sent` has, while `state` has gone on from it. */
function saved(state: State, sent = state.history.present): State {
  const { document, became } = settle(sent, state.saved.document);
  return next(state, { do: "saved", saved: { version: state.saved.version + 1, document }, became, sent });
}

const idsOf = (parts: { id: string }[] | undefined) => parts!.map((it) => it.id);

test("what was new keeps the id that it was saved with, also after Undo", () => {
  const made = edited(edited(opened, (it) => addStage(it).document), (it) => renameStage(it, "new-stage", "Review"));
  const done = saved(next(made, { do: "select", ids: ["stage:new-stage"] }));
  expect(done.selected).toEqual(["stage:review"]);
  const undone = next(done, { do: "undo" });
  expect(undone.history.present.stages!.at(-1)).toMatchObject({ id: "review", name: "New stage" });
  const again = edited(undone, (it) => changeStage(it, "review", { color: "red" }));
  expect(idsOf(settle(again.history.present, again.saved.document).document.stages)).toEqual([...idsOf(sample.stages), "review"]);
  // Undone as far as to where there was none, it can be brought back as the same.
  expect(idsOf(redo(redo(undo(undo(done.history)))).present.stages)).toContain("review");
});

test("what was edited while it was being saved is about the saved parts: stages, fields, actions and steps", () => {
  const made = edited(opened, (it) => {
    const action = renameAction(addAction(addStage(it).document, { from: ["done"], to: "done", name: "Move" }).document, "move", "Carry on");
    const more = { ...action, fields: [...action.fields!, { id: "new-field", name: "Weight", type: "number" }] };
    return changeAction(renameStage(more, "new-stage", "Review"), "move", { steps: [{ id: "new-step", name: "Go", type: "move_to_stage", stage: "Done" }] });
  });
  const sent = made.history.present;
  const meanwhile = edited(made, (it) => changeStage(it, "new-stage", { color: "red" }));
  const done = saved(meanwhile, sent);
  for (const document of [done.history.present, done.history.past.at(-1)!, done.saved.document]) {
    expect(document.stages!.at(-1)!.id).toBe("review");
    expect(document.fields!.at(-1)!.id).toBe("weight");
    expect(document.actions!.at(-1)).toMatchObject({ id: "carry-on", steps: [{ id: "go" }] });
  }
  expect(done.history.present.stages!.at(-1)!.color).toBe("red");
  expect(settle(done.history.present, done.saved.document).document).toEqual(done.history.present);
});

test("an edit that was undone while it was being saved can be redone on the saved parts", () => {
  const made = edited(opened, (it) => renameStage(addStage(it).document, "new-stage", "Review"));
  const later = next(edited(made, (it) => changeStage(it, "new-stage", { end: true })), { do: "undo" });
  expect(later.history.present).toBe(made.history.present);
  const gone = next(later, { do: "undo" });
  const done = saved(gone, made.history.present);
  expect(done.history.future.map((it) => it.stages!.at(-1)!.id)).toEqual(["review", "review"]);
});

test("no two parts get the same id, also where an unsaved one was called that before", () => {
  const both = addStage(addStage(sample, undefined, "Review").document);
  const left = renameStage(removeStage(both.document, "review"), both.id, "Review");
  const { became } = settle(left, sample);
  expect(idsOf(follow(both.document, became).stages).slice(3)).toEqual(["review-2", "review"]);
  expect(record(begin(sample), follow(sample, became)).present).toEqual(sample);
});

test("an older version is another one's only where the server has refused ours for it", () => {
  const mine = edited({ ...opened, saved: { version: 9, document: sample } }, (it) => changeStage(it, "done", { color: "red" }));
  const restored = { version: 7, document: changeStage(sample, "done", { color: "blue" }) };
  expect(next(mine, { do: "theirs", saved: restored })).toBe(mine);
  expect(next(mine, { do: "theirs", saved: { ...restored, version: 9 }, isCurrent: true })).toBe(mine);
  expect(next(mine, { do: "theirs", saved: restored, isCurrent: true }).theirs).toBe(restored);
});

const typing = (state: State, open: NonNullable<State["step"]>["open"], typed: Step): State => next(next(state, { do: "open-step", open }), { do: "type-step", typed });

test("what is typed into a step goes with its action's new id, and is not passed over by somebody else's version", () => {
  const made = edited(opened, (it) => renameAction(addAction(it, { from: ["done"], name: "Move" }).document, "move", "Carry on"));
  const typed = { id: "api-call", name: "API call", type: "api_call", url: "https://a.example/" };
  const done = saved(typing(made, { action: "move", type: "api_call" }, typed));
  expect(done.step).toEqual({ open: { action: "carry-on", type: "api_call" }, typed });
  // Nothing else is edited, and still there is something to choose.
  const theirs = next(done, { do: "theirs", saved: { version: 9, document: { ...sample, name: "Theirs" } } });
  expect(theirs.theirs?.version).toBe(9);
  expect(theirs.history.present.name).toBe(sample.name);
  const untyped = next(next(done, { do: "type-step", typed: undefined }), { do: "theirs", saved: { version: 9, document: { ...sample, name: "Theirs" } } });
  expect(untyped.theirs).toBeUndefined();
});

test("a new step takes nobody's place, whatever id it was begun with", () => {
  const step = { id: "move", name: "Tell", type: "api_call", url: "https://a.example/" };
  const document = applied(sample, { open: { action: "start", type: "api_call" }, step });
  expect(idsOf(document.actions![0]!.steps)).toEqual(["move", "move-2"]);
  expect(idsOf(applied(sample, { open: { action: "start", step: "move" }, step }).actions![0]!.steps)).toEqual(["move"]);
});

test("one's own save, whose answer was lost, is nobody else's", () => {
  const made = edited(opened, (it) => renameStage(addStage(it).document, "new-stage", "Review"));
  const kept = settle(made.history.present, made.saved.document).document;
  const done = next(made, { do: "theirs", saved: { version: 2, document: kept } });
  expect(done.theirs).toBeUndefined();
  expect(done.saved.version).toBe(2);
});
