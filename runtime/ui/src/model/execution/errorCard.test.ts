import { describe, expect, test } from "vitest";
import type { Attempt } from "../runs/chain";
import { type Failed, errorCard, hostOf, wordsOf } from "./errorCard";

function attempt(number: number, name: string, outcome: string, more: Partial<Attempt> = {}): Attempt {
  return {
    number,
    try: 1,
    started_at: "2026-11-29T06:25:17.870Z",
    ended_at: "2026-11-29T06:25:17.873Z",
    outcome,
    code: null,
    message: null,
    field_errors: {},
    warnings: [],
    curl: null,
    record: null,
    step: { number, id: name, name, type: "api_call" },
    version: 1,
    earlier_tries: [],
    ...more,
  };
}

/** As a server writes it; the document says only that it is an object. */
const recorded = (record: object) => record as NonNullable<Attempt["record"]>;

const call = (status: number | null, body = "", url = "https://billing.example:8443/charge?x=1") =>
  recorded({ request: { method: "POST", url, headers: [], body: "{}" }, ...(status !== null && { response: { status, headers: [], body } }) });

const STEPS = [
  { id: "note", name: "Note it", type: "update_data" },
  { id: "bill", name: "Tell billing", type: "api_call" },
  { id: "move", name: "Move", type: "move_to_stage" },
];

const declined: Failed = {
  id: "e1",
  state: "failed",
  code: "http_status",
  errors: ["Step 2 “Tell billing”: billing.example:8443 answered 402 Payment Required: The card was declined"],
  steps: STEPS,
  attempts: [
    attempt(1, "Note it", "succeeded"),
    attempt(2, "Tell billing", "failed", { record: call(402, '{"error":{"message":"The card was declined"}}') }),
  ],
};

const change = (cause: string, fields: string[], execution_id: string | null = "e1") => ({
  cause,
  execution_id,
  changes: Object.fromEntries(fields.map((it) => [it, { before: null, after: "x" }])),
});

describe("the card of a failed call", () => {
  test("says which step, whom it called, what came back, and in whose words", () => {
    expect(errorCard(declined)).toMatchObject({
      outcome: "failed",
      step: { number: 2, name: "Tell billing", tries: 1 },
      host: "billing.example:8443",
      status: "402 Payment Required",
      words: "The card was declined",
      messages: ["billing.example:8443 answered 402 Payment Required: The card was declined"],
      code: "http_status",
      done: [{ number: 1, name: "Note it" }],
      left: [{ number: 3, name: "Move" }],
    });
  });

  test("says that what earlier steps changed stays", () => {
    const card = errorCard(declined, [change("created", ["Customer"], null), change("changed", ["Notes", "Priority"])]);
    expect(card).toMatchObject({ effect: "kept", changed: ["Notes", "Priority"] });
  });

  test("says that it was taken back", () => {
    const card = errorCard(declined, [change("changed", ["Notes"]), change("reverted", ["Notes"])]);
    expect(card).toMatchObject({ effect: "reverted", changed: ["Notes"] });
  });

  test("does not say that it was taken back after a Retry has made it again", () => {
    const history = [change("changed", ["Notes"]), change("reverted", ["Notes"]), change("redone", ["Notes"])];
    expect(errorCard(declined, history)?.effect).toBe("kept");
  });

  test("has nothing to say of changes where the first step failed", () => {
    const first = { ...declined, attempts: [attempt(1, "Note it", "failed")] };
    expect(errorCard(first)).toMatchObject({ effect: "none", done: [], left: [{ number: 2 }, { number: 3 }] });
  });

  test("is about the failure that stands, not about one before a Retry", () => {
    const again = attempt(2, "Tell billing", "failed", { number: 3, record: call(500, "Down") });
    expect(errorCard({ ...declined, attempts: [...declined.attempts, again] })).toMatchObject({ status: "500 Internal Server Error", words: "Down", done: [{ number: 1 }] });
  });

  test("counts automatic tries", () => {
    const { earlier_tries: _, ...tried } = attempt(2, "Tell billing", "failed");
    const card = errorCard({ ...declined, attempts: [{ ...tried, try: 3, earlier_tries: [tried, tried] }] });
    expect(card?.step?.tries).toBe(3);
  });
});

test("an answer that is no refusal fails for a reason that only Onward knows", () => {
  const answered = (status: number, body: string, code: string) => errorCard({ ...declined, code, attempts: [attempt(2, "Tell billing", "failed", { record: call(status, body) })] });
  expect(answered(402, "Declined", "http_status")).toMatchObject({ isRefusal: true, words: "Declined" });
  // Where a redirect leads, or what is wrong with an answer, stands in the message alone.
  expect(answered(302, "Found", "http_status")).toMatchObject({ isRefusal: false, status: "302 Found" });
  expect(answered(200, '{"task":[]}', "invalid_answer")).toMatchObject({ isRefusal: false, status: "200 OK" });
  expect(answered(500, "", "http_status")).toMatchObject({ isRefusal: false, words: null });
});

test("an unknown outcome has no status and no words", () => {
  const sent = attempt(2, "Tell billing", "unknown", { record: call(null) });
  const card = errorCard({ ...declined, state: "unknown", errors: ["Step 2 “Tell billing”: sent, no answer: it took too long."], attempts: [declined.attempts[0]!, sent] });
  expect(card).toMatchObject({ outcome: "unknown", host: "billing.example:8443", status: null, words: null, messages: ["it took too long."] });
});

test("fields of a patch that were refused stand in the card", () => {
  const refused = attempt(2, "Tell billing", "failed", { field_errors: { Due: ["is invalid"] } });
  expect(errorCard({ ...declined, attempts: [refused] })?.fields).toEqual([["Due", ["is invalid"]]]);
});

test("one that failed before any step began has a card without a step", () => {
  const card = errorCard({ ...declined, attempts: [], errors: ["Due is required", "Must be assigned"], code: "requirements_unmet" });
  expect(card).toMatchObject({ step: null, host: null, messages: ["Due is required", "Must be assigned"], left: [{ number: 1 }, { number: 2 }, { number: 3 }] });
});

test("a plugin's step shows the last call that it made", () => {
  const exchanges = [call(200, "{}", "https://a.example/"), call(429, "slow down", "https://slack.example/api")];
  const record = recorded({ plugin: { name: "slack", version: "1" }, params: {}, exchanges });
  expect(errorCard({ ...declined, attempts: [attempt(1, "Post", "failed", { record })] })).toMatchObject({ host: "slack.example", words: "slow down" });
});

test("what has not failed, or is closed, has no card", () => {
  for (const state of ["queued", "running", "waiting", "succeeded", "dismissed"]) expect(errorCard({ ...declined, state })).toBeNull();
  expect(errorCard({ ...declined, state: "cancelled" })?.outcome).toBe("cancelled");
});

test("a receiver's words are found wherever it writes them", () => {
  expect(wordsOf('{"message":"No such company"}')).toBe("No such company");
  expect(wordsOf('{"errors":[{"detail":"Name is missing"},{"detail":"Too old"}]}')).toBe("Name is missing; Too old");
  expect(wordsOf("  plain\n words ")).toBe("plain words");
  expect(wordsOf("<html><head><title>502 Bad Gateway</title></head><body><h1>Bad</h1></body></html>")).toBe("502 Bad Gateway");
  expect(wordsOf('<!doctype html><body><script>var a</script><p>Out of order</p></body>')).toBe("Out of order");
  expect(wordsOf('{"ok":false}')).toBe('{"ok":false}');
  expect(wordsOf("")).toBeNull();
  expect(wordsOf("x".repeat(2000))).toHaveLength(601);
});

test("a host is told without what is secret before it", () => {
  expect(hostOf("https://user:word@billing.example/a@b")).toBe("billing.example");
  expect(hostOf("http://[::1]:80/x")).toBe("[::1]:80");
  expect(hostOf("")).toBeNull();
});
