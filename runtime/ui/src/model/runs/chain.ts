// An execution as a story: what was tried, what happens now, and what is still to come or never came.
import type { Schemas } from "../../api/client";
import { between } from "../times";
import { stateOf } from "./states";

export type Attempt = Schemas["Attempt"];
export type Try = Schemas["Try"];

export interface Step {
  id: string | null;
  name: string | null;
  type: string | null;
}

/** What the story is told from; an `ExecutionDetail` is one. */
export interface Told {
  state: string;
  version: number;
  attempts: Attempt[];
  /** The steps of its version. A server that does not say leaves out what is to come. */
  steps?: Step[] | null;
}

export type Chapter =
  | {
      kind: "attempt";
      key: string;
      attempt: Attempt;
      /** Milliseconds between the attempt before and this one, where that is worth a word. */
      after: number | null;
      /** It ran on another version than the execution has now. */
      otherVersion: boolean;
      /** A person's retry of a step that was tried before. */
      isRetry: boolean;
    }
  | { kind: "now"; key: string; number: number; step: Step | null }
  | { kind: "rest"; key: string; number: number; step: Step; willRun: boolean };

/** Pauses that are shorter are none. */
const PAUSE_MS_MIN = 2000;

/** In the order in which it happened and will. */
export function chapters(told: Told): Chapter[] {
  const story = told.attempts.map((attempt, index): Chapter => chapterOf(told, attempt, told.attempts[index - 1]));
  const steps = told.steps ?? [];
  const next = nextStep(told);
  const isPending = stateOf(told.state).status === "Pending";
  const last = told.attempts.at(-1);
  // An attempt that is under way, or between two tries, is what happens now.
  const isShown = last?.outcome === "running" || (told.state === "retrying" && last !== undefined);
  let rest = next;
  if (isPending && !isShown) {
    story.push({ kind: "now", key: "now", number: next, step: steps[next - 1] ?? null });
    rest = next + 1;
  }
  for (let number = rest; number <= steps.length; number++) {
    story.push({ kind: "rest", key: `rest-${number}`, number, step: steps[number - 1]!, willRun: isPending });
  }
  return story;
}

function chapterOf(told: Told, attempt: Attempt, before: Attempt | undefined): Chapter {
  const first = attempt.earlier_tries[0] ?? attempt;
  const pause = between(before?.ended_at, first.started_at);
  return {
    kind: "attempt",
    key: `attempt-${attempt.number}`,
    attempt,
    after: pause !== null && pause >= PAUSE_MS_MIN ? pause : null,
    otherVersion: attempt.version !== told.version,
    isRetry: before !== undefined && before.step.number === attempt.step.number,
  };
}

/** The number of the step that comes after what was tried. */
function nextStep({ state, attempts }: Told): number {
  const last = attempts.at(-1);
  if (!last) return 1;
  const { number } = last.step;
  if (last.outcome === "succeeded" || last.outcome === "running") return number + 1;
  // Asked for again, the step that failed is the next one.
  const isAgain = state === "queued" || state === "running" || state === "blocked" || state === "waiting";
  return isAgain ? number : number + 1;
}

/** All tries of an attempt, the first one first. */
export function triesOf(attempt: Attempt): Try[] {
  return [...attempt.earlier_tries, attempt];
}

/** When an attempt began and ended, all its tries together. */
export function spanOf(attempt: Attempt): { from: string; to: string | null } {
  return { from: triesOf(attempt)[0]!.started_at, to: attempt.ended_at };
}

/** What a step is called where nothing but its number may be known. */
export function stepName(step: Step | null, number: number): string {
  return step?.name ?? step?.id ?? `Step ${number}`;
}

/** Errors of fields, as `{"Field": ["what is wrong"]}` has them. */
export function fieldErrors(errors: unknown): [field: string, said: string[]][] {
  if (!errors || typeof errors !== "object" || Array.isArray(errors)) return [];
  return Object.entries(errors).map(([field, said]) => [field, Array.isArray(said) ? said.map(String) : [String(said)]]);
}

/** The message of a failure without its step's title (`Step 2 “Tell billing”: `), where that stands beside it already. */
export function withoutTitle(message: string): string {
  return message.replace(/^Step \d+(?: “[^”]*”)?: /, "");
}
