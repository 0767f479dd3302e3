// The difference of two versions as the server tells it, made into lines.
import type { Change } from "./difference";

interface Named {
  id: string;
  name: string;
}

export interface PartsLike {
  added: Named[];
  removed: Named[];
  reordered: boolean;
  changed: { id: string; name: string; keys: string[]; steps?: PartsLike }[];
}

export interface DifferenceLike {
  workflow: string[];
  fields: PartsLike;
  stages: PartsLike;
  roles: PartsLike;
  actions: PartsLike;
}

export function lines(difference: DifferenceLike): Change[] {
  return [
    ...(difference.workflow.length > 0 ? [{ kind: "changed" as const, what: "Workflow", how: difference.workflow.join(", ") }] : []),
    ...ofParts("Field", difference.fields),
    ...ofParts("Stage", difference.stages),
    ...ofParts("Role", difference.roles),
    ...ofParts("Action", difference.actions),
  ];
}

function ofParts(word: string, parts: PartsLike): Change[] {
  return [
    ...parts.added.map(({ name }): Change => ({ kind: "added", what: `${word} “${name}”` })),
    ...parts.removed.map(({ name }): Change => ({ kind: "removed", what: `${word} “${name}”` })),
    ...parts.changed.map(({ name, keys, steps }): Change => {
      const within = steps ? ofParts("step", steps).map((it) => `${it.what} ${it.kind}${it.how ? ` (${it.how})` : ""}`) : [];
      const how = [...keys.filter((key) => key !== "steps" || within.length === 0).map((key) => key.replaceAll("_", " ")), ...within].join(", ");
      return { kind: "changed", what: `${word} “${name}”`, ...(how && { how }) };
    }),
    ...(parts.reordered ? [{ kind: "changed" as const, what: `${word}s`, how: "order" }] : []),
  ];
}

export type LineKind = "added" | "removed" | "head" | "same";

/** What a line of a unified difference is. */
export function lineKind(line: string): LineKind {
  if (line.startsWith("@@") || line.startsWith("+++") || line.startsWith("---")) return "head";
  return line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "same";
}
