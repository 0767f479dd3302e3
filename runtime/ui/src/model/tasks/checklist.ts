// A task's checklist: how far it is, and by stages, the task's own first.
import type { Schemas } from "../../api/client";

export type ChecklistItem = Schemas["ChecklistItem"];

export interface StageItems {
  stage: string;
  items: ChecklistItem[];
  /** Of this stage: what is done or skipped. */
  done: number;
}

/** In the order of the workflow's stages, but the one where the task is comes first. Stages without items are left out. */
export function byStages(items: ChecklistItem[], stages: string[], current: string): StageItems[] {
  const order = [current, ...stages.filter((it) => it !== current)];
  const gone = items.map((it) => it.Stage).filter((it) => !order.includes(it));
  return [...new Set([...order, ...gone])]
    .map((stage) => {
      const own = items.filter((it) => it.Stage === stage);
      return { stage, items: own, done: own.filter(isDone).length };
    })
    .filter((it) => it.items.length > 0);
}

export const isDone = (item: ChecklistItem): boolean => item.status !== "Blank";
