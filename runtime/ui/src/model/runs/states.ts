// The states of an execution in words, and what can be done in each.
import type { Schemas } from "../../api/client";
import type { Tone } from "../color";

export type State = Schemas["State"];
export type Status = Schemas["Status"];
interface Known {
  name: string;
  status: Status;
  tone: Tone;
  /** What it is, for somebody who sees it for the first time. */
  says: string;
}

export const STATES: Record<State, Known> = {
  queued: { name: "Queued", status: "Pending", tone: "quiet", says: "It waits for its turn: a task's executions run one after the other." },
  running: { name: "Running", status: "Pending", tone: "busy", says: "A step is under way." },
  retrying: { name: "Trying again", status: "Pending", tone: "warn", says: "A call failed, and its step is tried again by itself." },
  waiting: { name: "Waiting", status: "Pending", tone: "busy", says: "It goes on by itself at its time." },
  blocked: { name: "Blocked", status: "Pending", tone: "warn", says: "It goes on as soon as what is missing is there again." },
  succeeded: { name: "Succeeded", status: "Success", tone: "good", says: "All that was to be done is done." },
  failed: { name: "Failed", status: "Fail", tone: "bad", says: "A step failed. The steps after it did not run." },
  unknown: { name: "Unknown", status: "Fail", tone: "bad", says: "A call was sent, and no answer came: nobody knows whether it took effect." },
  cancelled: { name: "Cancelled", status: "Fail", tone: "quiet", says: "Somebody cancelled it." },
  dismissed: { name: "Dismissed", status: "Fail", tone: "quiet", says: "It failed, and somebody has closed the failure." },
};

export const STATE_IDS = Object.keys(STATES) as State[];
export const STATUSES: Status[] = ["Pending", "Success", "Fail"];

/** A state that the page does not know yet is shown as it is called. */
export function stateOf(state: string): Known {
  return STATES[state as State] ?? { name: state, status: "Pending", tone: "quiet", says: "" };
}

/** What a person may do about an execution in a state. */
export function possible(state: string): { retry: boolean; cancel: boolean; dismiss: boolean } {
  const hasFailed = state === "failed" || state === "unknown";
  return { retry: hasFailed, dismiss: hasFailed, cancel: stateOf(state).status === "Pending" };
}

/** How an attempt ended, in words. */
export function outcomeOf(outcome: string): { name: string; tone: Tone } {
  switch (outcome) {
    case "succeeded":
      return { name: "Succeeded", tone: "good" };
    case "failed":
      return { name: "Failed", tone: "bad" };
    case "unknown":
      return { name: "Sent, no answer", tone: "bad" };
    case "running":
      return { name: "Running", tone: "busy" };
    default:
      return { name: outcome, tone: "quiet" };
  }
}
