import { expect, test } from "vitest";
import { fromNow } from "./when";

const NOW = Date.parse("2020-01-31T12:00:00Z");

test("how long ago, and how soon", () => {
  for (const [instant, said] of [
    ["2020-01-31T11:59:40Z", "just now"],
    ["2020-01-31T11:55:00Z", "5 minutes ago"],
    ["2020-01-31T10:00:00Z", "2 hours ago"],
    ["2020-01-30T12:00:00Z", "yesterday"],
    ["2020-02-07T12:00:00Z", "in 7 days"],
    ["2020-04-30T12:00:00Z", "in 3 months"],
    ["2018-01-31T12:00:00Z", "2 years ago"],
  ] as const) {
    expect(fromNow(instant, NOW)).toBe(said);
  }
});
