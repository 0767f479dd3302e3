// How far an execution is: every step of its chain with its state, also those that have not begun.
import { type Attempt, type Step, stepName } from "../runs/chain";

export type StepState = "done" | "running" | "waiting" | "failed" | "unknown" | "skipped" | "todo";

export interface ChainStep {
  number: number;
  name: string;
  type: string | null;
  state: StepState;
  tries: number;
}

/** What it is made from; an `ExecutionDetail` is one. */
export interface Going {
  state: string;
  attempts: Attempt[];
  steps?: Step[] | null;
}

const ENDED = ["succeeded", "failed", "unknown", "cancelled", "dismissed"];

/** The chain as its version has it. Where nobody says which steps there are, those that have begun. */
export function progress(going: Going): ChainStep[] {
  const { state, attempts } = going;
  const steps = going.steps?.length ? going.steps : begunSteps(attempts);
  const last = attempts.at(-1);
  const hasEnded = ENDED.includes(state);
  // The first one that is not done is what happens now, unless its attempt says that itself.
  const next = last ? (last.outcome === "succeeded" ? last.step.number + 1 : last.step.number) : 1;
  return steps.map((step, index) => {
    const number = index + 1;
    const attempt = attempts.findLast((it) => it.step.number === number);
    return {
      number,
      name: stepName(step, number),
      type: step.type,
      tries: attempt ? attempt.earlier_tries.length + 1 : 0,
      state: stateOf(attempt, number === next, state, hasEnded),
    };
  });
}

function stateOf(attempt: Attempt | undefined, isNext: boolean, state: string, hasEnded: boolean): StepState {
  if (attempt?.outcome === "succeeded") return "done";
  if (hasEnded) {
    if (attempt?.outcome === "unknown") return "unknown";
    return attempt ? "failed" : state === "succeeded" ? "skipped" : "todo";
  }
  if (!isNext) return "todo";
  return state === "running" ? "running" : "waiting";
}

function begunSteps(attempts: Attempt[]): Step[] {
  const steps: Step[] = [];
  for (const { step } of attempts) {
    for (let number = steps.length + 1; number < step.number; number++) steps.push({ id: null, name: null, type: null });
    steps[step.number - 1] = { id: step.id, name: step.name, type: step.type };
  }
  return steps;
}

/** `Step 2 of 3: Tell billing`, for a line and for screen readers. */
export function progressLine(chain: ChainStep[]): string {
  const now = chain.find((it) => it.state === "running" || it.state === "waiting") ?? chain.find((it) => it.state === "todo");
  return now ? `Step ${now.number} of ${chain.length}: ${now.name}` : `${chain.length} ${chain.length === 1 ? "step" : "steps"}`;
}

/** What its action is called, as far as the version that it ran on can be read. */
export function actionName(execution: { action?: { name: string | null } | null; action_id: string }): string {
  return execution.action?.name ?? execution.action_id;
}
