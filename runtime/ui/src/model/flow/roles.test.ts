// The workflow's own roles.
import { expect, test } from "vitest";
import { actionById, follow, rolesOf, settle } from "./document";
import { changeAction } from "./edit";
import { concerned } from "./problems";
import { addRole, allowed, changeRole, removeRole } from "./roles";
import { sample } from "./sample";

test("a role is added, renamed with what asks for it, and removed without opening what asked for it", () => {
  const made = addRole(sample, sample);
  expect(rolesOf(made.document).at(-1)).toEqual({ id: "new-role", name: "New role", edit: false, perform: [] });
  expect(addRole(made.document, sample).id).toBe("new-role-2");
  const asked = changeAction(made.document, "finish", { requires: { roles: ["Administrator", "New role"] } });
  const renamed = changeRole(asked, "new-role", { name: "Auditor" });
  expect(actionById(renamed, "finish")?.requires?.roles).toEqual(["Administrator", "Auditor"]);
  const removed = removeRole(renamed, "new-role");
  expect(rolesOf(removed).map((it) => it.id)).toEqual(["clerk"]);
  expect(actionById(removed, "finish")?.requires?.roles).toEqual(["Administrator", "Auditor"]);
  expect(changeRole(sample, "nobody", { name: "x" })).toBe(sample);
});

test("a new role is none that was removed and is still saved, whatever it is called: people have that one", () => {
  const made = addRole(removeRole(sample, "clerk"), sample);
  const named = changeRole(made.document, made.id, { name: "Clerk" });
  expect(rolesOf(settle(named, sample).document).map((it) => it.id)).toEqual(["clerk-2"]);
  const saved = addRole(sample, sample).document;
  expect(addRole(removeRole(saved, "new-role"), saved).id).toBe("new-role-2");
});

test("what a role allows is said in a few words", () => {
  const role = { id: "x", name: "X" };
  expect(allowed(role)).toBe("sees tasks, changes them, performs every action");
  expect(allowed({ ...role, edit: false, perform: [] })).toBe("sees tasks");
  expect(allowed({ ...role, edit: false, perform: ["Start", "Finish"] })).toBe("sees tasks, performs Start, Finish");
  expect(allowed({ ...role, view: false })).toBe("nothing");
  expect(allowed({ ...role, admin: true, view: false })).toBe("everything");
});

test("a new role gets the id that its name asks for, and problems find it", () => {
  const { document, id } = addRole(sample, sample);
  const { document: saved, became } = settle(changeRole(document, id, { name: "Auditor" }), sample);
  expect(rolesOf(saved).map((it) => it.id)).toEqual(["clerk", "auditor"]);
  expect(rolesOf(follow(document, became)).map((it) => it.id)).toEqual(["clerk", "auditor"]);
  expect(concerned(saved, "/roles/1/name")).toEqual({ kind: "role", id: "auditor", name: "Auditor", at: "/name" });
  // Without roles there is no key for them: what is saved says no more than it must.
  const { roles: _, ...without } = sample;
  expect("roles" in settle(without, without).document).toBe(false);
});
