// A call's time, cut into its phases one after the other.
import type { Timing } from "./record";

export type PhaseId = "queue" | "dns" | "connect" | "tls" | "waiting" | "receiving";

export interface Phase {
  id: PhaseId;
  name: string;
  /** Microseconds. */
  us: number;
}

const NAMES: Record<PhaseId, string> = {
  queue: "In line",
  dns: "DNS",
  connect: "Connecting",
  tls: "TLS",
  waiting: "Waiting for the answer",
  receiving: "Receiving",
};

/** What took no time, or did not happen, is left out. */
export function phases({ queue = 0, dns = 0, connect = 0, tls = 0, firstByte, total }: Timing): Phase[] {
  const before = queue + dns + connect + tls;
  const waited = Math.max(0, (firstByte ?? total) - before);
  const receiving = firstByte === undefined ? 0 : Math.max(0, total - firstByte);
  const all: [PhaseId, number][] = [
    ["queue", queue],
    ["dns", dns],
    ["connect", connect],
    ["tls", tls],
    ["waiting", waited],
    ["receiving", receiving],
  ];
  return all.filter(([, us]) => us > 0).map(([id, us]) => ({ id, name: NAMES[id], us }));
}
