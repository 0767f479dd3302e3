import { expect, test } from "vitest";
import { pieces, prettyJson } from "./pretty";

test("JSON is set out, and nothing in it changes", () => {
  expect(prettyJson('{"value":10000.00,"big":12345678901234567890,"text":"a, \\"b\\": {c}","list":[1,[]],"none":{}}')).toBe(
    `{
  "value": 10000.00,
  "big": 12345678901234567890,
  "text": "a, \\"b\\": {c}",
  "list": [
    1,
    []
  ],
  "none": {}
}`,
  );
});

test("setting out is only about white space", () => {
  for (const json of ['{"a":[{"b":null},{"c":[[],{}]}],"d":"\\\\"}', "[]", "{}", '[true,false,-1.5e-7,"\\u00e4"]', '{ "a" : [ ] }']) {
    const pretty = prettyJson(json)!;
    expect(JSON.parse(pretty)).toEqual(JSON.parse(json));
    expect(prettyJson(pretty)).toBe(pretty);
  }
});

test("what is no JSON document stays as it is", () => {
  for (const text of ["", "<html>", '{"cut": "of', "plain", '"a text"', "7"]) expect(prettyJson(text)).toBeNull();
});

test("what was redacted is told from what was not", () => {
  expect(pieces('{"token":"[redacted]"}')).toEqual([
    { text: '{"token":"', isRedacted: false },
    { text: "[redacted]", isRedacted: true },
    { text: '"}', isRedacted: false },
  ]);
  expect(pieces("plain")).toEqual([{ text: "plain", isRedacted: false }]);
});
