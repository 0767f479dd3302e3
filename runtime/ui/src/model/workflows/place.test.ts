import { expect, test } from "vitest";
import { lineSelection, selection } from "./place";

const bytes = (text: string) => new TextEncoder().encode(text).length;

test("a span of bytes selects the same text, whatever stands before it", () => {
  for (const before of ["", "name = \"a\"\n", "# Größe €\n", "# 😀😀\n"]) {
    for (const part of ["blau", "größe", "😀"]) {
      const text = `${before}${part} and more`;
      const span = { start: bytes(before), end: bytes(before) + bytes(part) };
      const { start, end } = selection(text, span);
      expect(text.slice(start, end)).toBe(part);
    }
  }
});

test("what stands at the end, or behind it, is the end", () => {
  expect(selection("abc", { start: 3, end: 3 })).toEqual({ start: 3, end: 3 });
  expect(selection("abc", { start: 9, end: 12 })).toEqual({ start: 3, end: 3 });
  expect(selection("", { start: 0, end: 0 })).toEqual({ start: 0, end: 0 });
});

test("a line is selected without its end", () => {
  const text = "one\ntwö\n\nfour";
  const selected = (line: number) => {
    const { start, end } = lineSelection(text, line);
    return text.slice(start, end);
  };
  expect([1, 2, 3, 4].map(selected)).toEqual(["one", "twö", "", "four"]);
  expect(lineSelection(text, 9)).toEqual({ start: text.length, end: text.length });
});
