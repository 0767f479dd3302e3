// What changes, as the server tells it: one stream for all tabs of a browser, so that many tabs are one connection.
//
// The tab that holds the lock `onward-events` listens, and passes what it hears to the others. When it goes, the next
// one that waits for the lock listens, and has everything read anew: what happened in between nobody heard.

import { ROOT } from "./root";

/** What changed. `reset` says that anything may have. */
export type Change =
  | { kind: "task"; workflow: string; id: string; unique_id?: string | null; deleted?: boolean }
  | { kind: "execution"; workflow: string; id: string; task: string; action: string; status: string; state: string; step: number | null }
  | { kind: "workspace" }
  | { kind: "reset" };

/** Whether the stream is there. Without it nothing is told, and pages say so. */
export type Connection = "connected" | "lost";

type Message = { change: Change } | { connection: Connection } | { ask: true };

const NAME = `onward-events${ROOT}`;

/** How long a stream may be away before people are told; a restart takes less. */
const LOST_AFTER_MS = 1500;

/** The server says something every 15 s: what is silent for so long is a connection that is gone without having said so. */
const SILENT_MS = 40_000;

/** After one that was refused. */
const AGAIN_MS = 2000;

type Heard = (change: Change) => void;
type Say = (is: Connection) => void;

/** Listens until it is stopped. `heard` gets every change, `connection` whether there is a stream. */
export function listen(heard: Heard, connection: Say): () => void {
  const channel = new BroadcastChannel(NAME);
  const stopped = new AbortController();
  let now: Connection = "connected";
  let isListening = false;

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if ("change" in data) heard(data.change);
    else if ("connection" in data) {
      // Its own, too: should this tab listen next, it tells what is another than that.
      now = data.connection;
      connection(now);
    } else if (isListening) channel.postMessage({ connection: now });
  };
  channel.postMessage({ ask: true });

  const tell: Heard = (change) => {
    heard(change);
    channel.postMessage({ change });
  };
  const say: Say = (is) => {
    if (is === now) return;
    now = is;
    connection(is);
    channel.postMessage({ connection: is });
  };

  const hold = async () => {
    isListening = true;
    const close = stream(tell, say);
    await new Promise((resolve) => stopped.signal.addEventListener("abort", resolve));
    close();
  };
  // Browsers have locks on https and on this machine alone; elsewhere each tab listens for itself.
  if (navigator.locks) navigator.locks.request(NAME, { signal: stopped.signal }, hold).catch(() => undefined);
  else {
    channel.onmessage = null;
    whileSeen(() => stream(heard, say), stopped.signal);
  }

  return () => {
    stopped.abort();
    channel.close();
  };
}

/** A stream until it is closed. */
function stream(tell: Heard, say: Say): () => void {
  // What happened before a new one is open it does not hear, so that all is to be read anew.
  let isAnew = true;
  let source: EventSource | undefined;
  let lost: ReturnType<typeof setTimeout> | undefined;
  let next: ReturnType<typeof setTimeout> | undefined;

  const isAway = () => {
    lost ??= setTimeout(() => say("lost"), LOST_AFTER_MS);
  };
  const anewIn = (ms: number) => {
    clearTimeout(next);
    next = setTimeout(anew, ms);
  };
  const connect = () => {
    source = new EventSource(`${ROOT}/api/v1/events`);
    anewIn(SILENT_MS);
    source.onopen = () => {
      if (isAnew) tell({ kind: "reset" });
      // It comes back by itself from now on, and says where it was.
      isAnew = false;
      clearTimeout(lost);
      lost = undefined;
      say("connected");
      anewIn(SILENT_MS);
    };
    source.onerror = () => {
      isAway();
      // A refusal ends the stream for good, so it is begun anew: where nobody is signed in any more, pages know by then.
      if (source?.readyState === EventSource.CLOSED) anewIn(AGAIN_MS);
    };
    source.addEventListener("beat", () => anewIn(SILENT_MS));
    for (const kind of ["task", "execution", "workspace", "reset"] as const) {
      source.addEventListener(kind, ({ data }) => {
        anewIn(SILENT_MS);
        tell({ kind, ...JSON.parse(data as string) } as Change);
      });
    }
  };
  const anew = () => {
    source?.close();
    isAnew = true;
    isAway();
    connect();
  };
  // A connection does not notice that its network has gone. Whether the server has, too, is known by asking it.
  const asked = new AbortController();
  for (const network of ["offline", "online"]) window.addEventListener(network, anew, { signal: asked.signal });
  connect();
  return () => {
    asked.abort();
    clearTimeout(lost);
    clearTimeout(next);
    source?.close();
  };
}

/** Only while the page is seen: a browser has few connections to a server, and each tab would hold one. */
function whileSeen(begin: () => () => void, until: AbortSignal): void {
  let end: (() => void) | undefined;
  const follow = () => {
    if (document.visibilityState === "visible") end ??= begin();
    else {
      end?.();
      end = undefined;
    }
  };
  document.addEventListener("visibilitychange", follow, { signal: until });
  until.addEventListener("abort", () => end?.());
  follow();
}
