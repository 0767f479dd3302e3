import { expect, test } from "vitest";
import { VALUE_CHARS_MAX, nameProblem, reference, valueProblem } from "./secrets";

test("names and values have the server's limits", () => {
  for (const name of ["A", "_a9", "BILLING_TOKEN", "x".repeat(64)]) expect(nameProblem(name)).toBeUndefined();
  for (const name of ["9a", "a-b", "a.b", "ä", "a b", "x".repeat(65)]) expect(nameProblem(name)).toBeTruthy();
  for (const value of ["123456", "äöüßéè", "😀".repeat(VALUE_CHARS_MAX)]) expect(valueProblem(value)).toBeUndefined();
  for (const value of ["12345", "😀😀😀😀😀", "x".repeat(VALUE_CHARS_MAX + 1)]) expect(valueProblem(value)).toBeTruthy();
});

test("a step refers to it by its name", () => {
  expect(reference("TOKEN")).toBe("{{secrets.TOKEN}}");
});
