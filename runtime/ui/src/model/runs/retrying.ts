// Which version of the workflow a Retry may go on with.
import type { Attempt } from "./chain";

interface Current {
  version: number;
  /** The definition as a document, where it can be read. */
  document?: unknown;
}

interface Failed {
  version: number;
  action_id: string;
  attempts: Attempt[];
}

/** `same`: there is no newer one. `gone`: the newer one no longer has the step. `offered`: it has, as far as one can see. */
export type Offer = "same" | "gone" | "offered";

/** `current` is missing where nobody told it: then the server decides. */
export function currentVersionOffer(execution: Failed, current: Current | undefined): Offer {
  if (!current || current.version <= execution.version) return "same";
  const steps = stepsOf(current.document, execution.action_id);
  if (steps === undefined) return "offered";
  const failed = execution.attempts.at(-1)?.step.id;
  return failed !== undefined && failed !== null && steps.includes(failed) ? "offered" : "gone";
}

/** The ids of an action's steps; undefined where the document cannot be read. */
function stepsOf(document: unknown, action: string): string[] | undefined {
  const { actions } = (document ?? {}) as { actions?: { id?: string; steps?: { id?: string }[] }[] };
  if (!Array.isArray(actions)) return undefined;
  const found = actions.find((it) => it.id === action);
  return (found?.steps ?? []).flatMap((it) => it.id ?? []);
}
