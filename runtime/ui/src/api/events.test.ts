// A connection that is gone without having said so, with the clock and the network as a test has them.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Change, type Connection, listen } from "./events";

class Source extends EventTarget {
  static readonly CLOSED = 2;
  static all: Source[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    Source.all.push(this);
  }

  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  fails(): void {
    this.readyState = Source.CLOSED;
    this.onerror?.();
  }

  says(kind: string, data = "{}"): void {
    this.dispatchEvent(new MessageEvent(kind, { data }));
  }

  close(): void {
    this.readyState = Source.CLOSED;
  }
}

const open = () => Source.all.filter((it) => it.readyState !== Source.CLOSED);
const network = new EventTarget();
const page = Object.assign(new EventTarget(), { visibilityState: "visible" });

let heard: string[];
let said: Connection[];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  Source.all = [];
  // As a browser by http has it: no locks.
  for (const [name, value] of Object.entries({ EventSource: Source, window: network, document: page, navigator: {} })) vi.stubGlobal(name, value);
  [heard, said] = [[], []];
  stop = listen(
    (change: Change) => heard.push(change.kind),
    (is) => said.push(is),
  );
  open()[0]!.opens();
});

afterEach(() => {
  stop();
  expect(open()).toEqual([]);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a stream that is silent is begun anew, and all is read anew; one that beats goes on", () => {
  for (let beats = 0; beats < 10; beats++) {
    vi.advanceTimersByTime(15_000);
    open()[0]!.says("beat");
  }
  expect([Source.all.length, heard]).toEqual([1, ["reset"]]);
  vi.advanceTimersByTime(60_000);
  expect([Source.all.length, open().length, said]).toEqual([2, 1, ["lost"]]);
  open()[0]!.opens();
  open()[0]!.says("workspace");
  expect([heard, said]).toEqual([["reset", "reset", "workspace"], ["lost", "connected"]]);
});

test("when the network goes or comes the server is asked at once; what it answers in time is told to nobody", () => {
  network.dispatchEvent(new Event("offline"));
  open()[0]!.opens();
  vi.advanceTimersByTime(10_000);
  expect(said).toEqual([]);
  network.dispatchEvent(new Event("offline"));
  open()[0]!.fails();
  vi.advanceTimersByTime(1500);
  expect([open().length, said]).toEqual([0, ["lost"]]);
  vi.advanceTimersByTime(500);
  expect(open()).toHaveLength(1);
  network.dispatchEvent(new Event("online"));
  open()[0]!.opens();
  expect([open().length, said]).toEqual([1, ["lost", "connected"]]);
});

test("a page that is not seen holds no connection", () => {
  page.visibilityState = "hidden";
  page.dispatchEvent(new Event("visibilitychange"));
  expect(open()).toEqual([]);
  page.visibilityState = "visible";
  page.dispatchEvent(new Event("visibilitychange"));
  open()[0]!.opens();
  expect([open().length, heard]).toEqual([1, ["reset", "reset"]]);
});
