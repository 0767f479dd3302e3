import { expect, test } from "vitest";
import { byName, changedRoles, fromMembers, fullName, matches, roleName } from "./person";

const ada = { id: "1", email: "ada@example.com", first_name: "Ada", last_name: "Lovelace" };
const bob = { id: "2", email: "bob@example.com", first_name: "", last_name: "" };

test("members of several workflows are people with a role in each", () => {
  const people = fromMembers([
    { id: "orders", members: [{ ...ada, role_id: "administrator" }, { ...bob, role_id: "viewer" }] },
    { id: "sales", members: [{ ...ada, role_id: "collaborator" }] },
  ]);
  expect(people).toEqual([
    { ...ada, is_administrator: false, roles: { orders: "administrator", sales: "collaborator" } },
    { ...bob, is_administrator: false, roles: { orders: "viewer" } },
  ]);
});

test("who has no name is known by their email, and stands where it belongs", () => {
  expect([fullName(ada), fullName(bob)]).toEqual(["Ada Lovelace", "bob@example.com"]);
  const people = [bob, ada].map((it) => ({ ...it, is_administrator: false, roles: {} }));
  expect(people.toSorted(byName).map((it) => it.id)).toEqual(["1", "2"]);
});

test("somebody is found by any words of name and email", () => {
  const person = { ...ada, is_administrator: false, roles: {} };
  for (const typed of ["", "ada", "LOVE", "example ada"]) expect(matches(person, typed)).toBe(true);
  expect(matches(person, "ada bob")).toBe(false);
});

test("only roles that became others are saved", () => {
  expect(changedRoles({ a: "x", b: "y" }, { a: "x", b: "z" })).toEqual([["b", "z"]]);
});

test("a role that the workflow no longer has is shown by its id", () => {
  expect(roleName([{ id: "a", name: "A" }], "a")).toBe("A");
  expect(roleName([], "gone")).toBe("gone");
});
