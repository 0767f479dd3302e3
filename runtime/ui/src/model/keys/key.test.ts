import { expect, test } from "vitest";
import { SCOPES, endOf, example, keyProblem } from "./key";

const NOW = Date.parse("2020-01-31T12:00:00Z");

test("a key ends never, after days, or with a date's last minute", () => {
  expect(endOf("never", "", NOW)).toBeNull();
  expect(endOf("30", "", NOW)).toBe("2020-03-01T12:00:00.000Z");
  expect(Date.parse(endOf("date", "2020-02-02", NOW)!)).toBe(new Date("2020-02-02T23:59:59").getTime());
});

test("a date that is over, or none, is no end", () => {
  for (const date of ["2020-01-29", "", "2020-02-31x"]) expect(endOf("date", date, NOW)).toBeUndefined();
});

test("a key must be good for something", () => {
  const key = { name: "A", scopes: SCOPES.map((it) => it.id), workflows: null };
  expect(keyProblem(key)).toBeUndefined();
  expect(keyProblem({ ...key, workflows: ["orders"] })).toBeUndefined();
  expect(keyProblem({ ...key, scopes: [] })).toContain("at least one thing");
  expect(keyProblem({ ...key, workflows: [] })).toContain("at least one workflow");
});

test("the example asks for what the key may see", () => {
  expect(example("https://a.example", "onw_1", undefined)).toBe("curl https://a.example/api/v1/workflows \\\n  -H 'Authorization: Bearer onw_1'");
  expect(example("https://a.example", "onw_1", "über")).toContain("/workflows/%C3%BCber/tasks/active ");
});
