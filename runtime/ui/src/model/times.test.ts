import { expect, test } from "vitest";
import { between, countdown, duration, micros, relative, tickFor } from "./times";

test("durations are told by their two largest units", () => {
  expect([0, 4.25, 12, 999].map(duration)).toEqual(["0 ms", "4.3 ms", "12 ms", "999 ms"]);
  expect([1000, 1449, 9940, 59_000].map(duration)).toEqual(["1 s", "1.4 s", "9.9 s", "59 s"]);
  expect([60_000, 185_000, 7_440_000, 266_400_000].map(duration)).toEqual(["1 min", "3 min 5 s", "2 h 4 min", "3 d 2 h"]);
  expect([12, 84_000, 10_047, 5_000_000].map(micros)).toEqual(["12 µs", "84 ms", "10 ms", "5 s"]);
});

test("a countdown never says zero before it is over", () => {
  expect([1, 999, 1001, 61_000].map(countdown)).toEqual(["1 s", "1 s", "2 s", "1 min 1 s"]);
});

test("an instant is told by how far it is", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  const at = (ms: number) => relative(new Date(now + ms).toISOString(), now);
  expect([90_000, -1000, -30_000, -120_000, -7_200_000].map(at)).toEqual(["in 1 min 30 s", "just now", "30 s ago", "2 min ago", "2 h ago"]);
  const days = (count: number) => at(count * 86_400_000 - 1);
  expect([30, 7, 100, -1, -3, -70, -800].map(days)).toEqual(["in 30 days", "in 7 days", "in 3 months", "yesterday", "3 days ago", "2 months ago", "2 years ago"]);
  expect(relative("nonsense", now)).toBe("nonsense");
  expect(tickFor(new Date(now + 120_000).toISOString(), now)).toBe(1000);
  expect(tickFor(new Date(now - 120_000).toISOString(), now)).toBe(30_000);
});

test("between two instants there is at least nothing", () => {
  expect(between("2026-01-01T12:00:00Z", "2026-01-01T12:00:01.5Z")).toBe(1500);
  expect(between("2026-01-01T12:00:01Z", "2026-01-01T12:00:00Z")).toBe(0);
  expect(between("2026-01-01T12:00:01Z", null)).toBeNull();
});
