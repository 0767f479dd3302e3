// What became of one document in another, in words: for the second of two editors, and for what is about to be saved.
import { type FlowDocument, type Position, actionsOf, fieldsOf, rolesOf, same, stagesOf, stepsOf } from "./document";

export interface Change {
  kind: "added" | "removed" | "changed";
  /** `Action “Finish”` */
  what: string;
  /** What of it has changed, in words. */
  how?: string;
}

interface Named {
  id: string;
  name: string;
}

const WORDS: Record<string, string> = {
  from: "offered in",
  requires: "requirements",
  on_failure: "on failure",
  confirm: "confirmation",
  after: "after it",
  color: "colour",
  end: "end stage",
  admin: "whether it administers the workflow",
  view: "whether it sees tasks",
  edit: "whether it changes tasks",
  perform: "which actions it performs",
};

export function changes(before: FlowDocument, after: FlowDocument): Change[] {
  const whole = (["name", "alerts"] as const).filter((key) => !same(before[key], after[key]));
  return [
    ...(whole.length > 0 ? [{ kind: "changed" as const, what: "Workflow", how: whole.join(", ") }] : []),
    ...ofParts("Field", fieldsOf(before), fieldsOf(after)),
    ...ofParts("Stage", stagesOf(before), stagesOf(after)),
    ...ofParts("Role", rolesOf(before), rolesOf(after)),
    ...ofParts("Action", actionsOf(before), actionsOf(after), (one, other) =>
      ofParts("step", stepsOf(one), stepsOf(other)).map((it) => `${it.what} ${it.kind}${it.how && it.kind === "changed" ? ` (${it.how})` : ""}`),
    ),
    ...(isMoved(stagesOf(before), stagesOf(after)) || isMoved(actionsOf(before), actionsOf(after)) ? [{ kind: "changed" as const, what: "Canvas", how: "where things stand" }] : []),
  ];
}

/** Whether something that was there stands elsewhere: one line for all of them. */
function isMoved<T extends Named & { position?: Position }>(before: T[], after: T[]): boolean {
  return after.some((part) => {
    const old = before.find((it) => it.id === part.id);
    return old !== undefined && !same(old.position, part.position);
  });
}

const elsewhere = <T extends Named>(part: T): T => ({ ...part, position: undefined });

function ofParts<T extends Named>(word: string, before: T[], after: T[], within?: (before: T, after: T) => string[]): Change[] {
  const found: Change[] = [];
  for (const part of after) {
    const old = before.find((it) => it.id === part.id);
    if (!old) found.push({ kind: "added", what: `${word} “${part.name}”` });
    else if (!same(elsewhere(old), elsewhere(part))) found.push({ kind: "changed", what: `${word} “${part.name}”`, how: keysOf(old, part, within) });
  }
  for (const part of before) if (!after.some((it) => it.id === part.id)) found.push({ kind: "removed", what: `${word} “${part.name}”` });
  const kept = (parts: T[], others: T[]) => parts.filter((it) => others.some((other) => other.id === it.id)).map((it) => it.id);
  if (!same(kept(before, after), kept(after, before))) found.push({ kind: "changed", what: `${word}s`, how: "order" });
  return found;
}

function keysOf<T extends Named>(old: T, part: T, within?: (before: T, after: T) => string[]): string {
  const keys = [...new Set([...Object.keys(old), ...Object.keys(part)])];
  const differ = keys.filter((key) => key !== "position" && !same(old[key as keyof T], part[key as keyof T]));
  return differ
    .flatMap((key) => {
      if (key === "name") return [`was “${old.name}”`];
      if (key === "steps" && within) return within(old, part);
      return [WORDS[key] ?? key.replaceAll("_", " ")];
    })
    .join(", ");
}
