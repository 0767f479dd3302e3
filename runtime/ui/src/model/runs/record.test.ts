import { expect, test } from "vitest";
import { phases } from "./phases";
import { curl, cutOff, readRecord } from "./record";

const CALL = {
  request: {
    method: "POST",
    url: "http://127.0.0.1/it's",
    headers: [
      ["Content-Type", "application/json"],
      ["Authorization", "[redacted]"],
    ],
    body: '{"a":1}',
    proxy: "direct",
    tls: { ca: true, certificate: false },
  },
  response: { status: 500, headers: [["content-length", "4"]], body: "oops" },
  timing: { queue_us: 84, connect_us: 5000, first_byte_us: 9000, total_us: 10000 },
  bytes_sent: 638,
  bytes_received: 153,
};

test("a call's record is read, and told again as the API's command", () => {
  const read = readRecord(CALL)!;
  expect(read.calls).toHaveLength(1);
  expect(read.plugin).toBeUndefined();
  const [call] = read.calls;
  expect(call!.response).toEqual({ status: 500, headers: [["content-length", "4"]], body: "oops", incomplete: false });
  expect(call!.timing).toEqual({ queue: 84, connect: 5000, firstByte: 9000, total: 10000 });
  expect(curl(call!)).toBe(
    `curl -X POST 'http://127.0.0.1/it'\\''s' -H 'Content-Type: application/json' -H 'Authorization: [redacted]' --data-raw '{"a":1}' --noproxy '*' --cacert ca.pem`,
  );
});

test("a plugin's record has what it was given and each of its calls", () => {
  const read = readRecord({ plugin: { name: "slack", version: "0.1.0" }, params: { text: "Hi" }, note: "Posted.", exchanges: [CALL, "nonsense", CALL] })!;
  expect(read.plugin).toEqual({ name: "slack 0.1.0", params: { text: "Hi" }, note: "Posted." });
  expect(read.calls).toHaveLength(2);
});

test("what is kept in no known way is shown as it is, and what is not kept is nothing", () => {
  for (const nothing of [null, undefined, {}, "text", [1]]) expect(readRecord(nothing)).toBeNull();
  expect(readRecord({ something: 1 })).toEqual({ calls: [], other: { something: 1 } });
  // Nor is a record believed whose parts are of another kind.
  expect(readRecord({ request: { headers: { a: 1 }, body: 5 }, response: "none", timing: 3 })!.calls[0]).toEqual({
    request: { method: "", url: "", headers: [], body: "" },
    bytesSent: 0,
    bytesReceived: 0,
  });
});

test("a body that is cut off is said to be", () => {
  expect(cutOff("short", [])).toBeUndefined();
  expect(cutOff("short", [["Content-Length", "900000"]])).toBeUndefined();
  expect(cutOff("short", [], true)).toMatch(/broke off/);
  expect(cutOff("x".repeat(16 * 1024), [])).toBe("Only the first 16 KiB are kept.");
  expect(cutOff("x".repeat(16 * 1024), [["Content-Length", "2097152"]])).toBe("Only the first 16 KiB of 2 MiB are kept.");
  // Half a character at the end became a mark of three bytes.
  expect(cutOff(`${"x".repeat(16 * 1024 - 1)}�`, [])).toBeDefined();
});

test("a call's phases make up its whole time", () => {
  const { timing } = readRecord(CALL)!.calls[0]!;
  const parts = phases(timing!);
  expect(parts.map((it) => it.id)).toEqual(["queue", "connect", "waiting", "receiving"]);
  expect(parts.reduce((sum, it) => sum + it.us, 0)).toBe(10000);
  // Without a first byte it waited until the end.
  expect(phases({ connect: 10, total: 50 })).toEqual([
    { id: "connect", name: "Connecting", us: 10 },
    { id: "waiting", name: "Waiting for the answer", us: 40 },
  ]);
});
