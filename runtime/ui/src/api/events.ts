// What changes, as the server tells it: one stream for all tabs of a browser, so that many tabs are one connection.
//
// The tab that holds the lock `onward-events` listens, and passes what it hears to the others. When it goes, the next
// one that waits for the lock listens, and has everything read anew: what happened in between nobody heard.

/** What changed. `reset` says that anything may have. */
export type Change =
  | { kind: "task"; workflow: string; id: string; unique_id?: string | null; deleted?: boolean }
  | { kind: "execution"; workflow: string; id: string; task: string; action: string; status: string; state: string; step: number | null }
  | { kind: "workspace" }
  | { kind: "reset" };

/** Whether the stream is there. Without it nothing is told, and pages say so. */
export type Connection = "connected" | "lost";

type Message = { change: Change } | { connection: Connection } | { ask: true };

const NAME = "onward-events";

/** How long a stream may be away before people are told; a restart takes less. */
const LOST_AFTER_MS = 1500;

/** Listens until it is stopped. `heard` gets every change, `connection` whether there is a stream. */
export function listen(heard: (change: Change) => void, connection: (is: Connection) => void): () => void {
  const channel = new BroadcastChannel(NAME);
  const stopped = new AbortController();
  let source: EventSource | undefined;
  let now: Connection = "connected";
  let lost: ReturnType<typeof setTimeout> | undefined;

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if ("change" in data) heard(data.change);
    else if ("connection" in data) {
      // Its own, too: should this tab listen next, it tells what is another than that.
      now = data.connection;
      connection(now);
    } else if (source) channel.postMessage({ connection: now });
  };
  channel.postMessage({ ask: true });

  const tell = (change: Change) => {
    heard(change);
    channel.postMessage({ change });
  };
  const say = (is: Connection) => {
    if (is === now) return;
    now = is;
    connection(is);
    channel.postMessage({ connection: is });
  };

  /** `isAnew`: after one that was refused. Where that one was is not known to the new one, so what it missed is not told. */
  function connect(isAnew = false) {
    source = new EventSource("/api/v1/events");
    source.onopen = () => {
      if (isAnew) tell({ kind: "reset" });
      // It comes back by itself from now on, and says where it was.
      isAnew = false;
      clearTimeout(lost);
      lost = undefined;
      say("connected");
    };
    source.onerror = () => {
      lost ??= setTimeout(() => say("lost"), LOST_AFTER_MS);
      // A refusal ends the stream for good, so it is begun anew: where nobody is signed in any more, pages know by then.
      if (source?.readyState === EventSource.CLOSED && !stopped.signal.aborted) {
        setTimeout(() => stopped.signal.aborted || connect(true), 2000);
      }
    };
    for (const kind of ["task", "execution", "workspace", "reset"] as const) {
      source.addEventListener(kind, ({ data }) => tell({ kind, ...JSON.parse(data as string) } as Change));
    }
  }

  const hold = async () => {
    connect();
    tell({ kind: "reset" });
    await new Promise((resolve) => stopped.signal.addEventListener("abort", resolve));
  };
  // Browsers have locks on https and on this machine alone; elsewhere each tab listens for itself.
  if (navigator.locks) {
    navigator.locks.request(NAME, { signal: stopped.signal }, hold).catch(() => undefined);
  } else {
    channel.onmessage = null;
    void hold();
  }

  return () => {
    stopped.abort();
    clearTimeout(lost);
    source?.close();
    channel.close();
  };
}
