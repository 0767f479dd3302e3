// Drafts: what somebody has edited and not saved, kept in the browser, so that neither a reload nor a restart loses it.
import { type FlowDocument, same } from "./document";

/** The part of `localStorage` that is needed. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Draft {
  /** The version that it was made from, and what that said. */
  version: number;
  base: FlowDocument;
  document: FlowDocument;
  at: string;
}

const key = (workflow: string) => `onward-draft:${workflow}`;

/** The draft of a workflow, unless it says the same as what it was made from. */
export function readDraft(shelf: Shelf, workflow: string): Draft | undefined {
  try {
    const draft = JSON.parse(shelf.getItem(key(workflow)) ?? "null") as Draft | null;
    if (!draft || typeof draft.version !== "number" || !Array.isArray(draft.document?.stages) || !Array.isArray(draft.base?.stages)) return undefined;
    return same(draft.document, draft.base) ? undefined : draft;
  } catch {
    return undefined;
  }
}

/** Keeps a draft; what is as it was saved needs none. Says whether the browser took it. */
export function keepDraft(shelf: Shelf, workflow: string, draft: Draft): boolean {
  try {
    if (same(draft.document, draft.base)) shelf.removeItem(key(workflow));
    else shelf.setItem(key(workflow), JSON.stringify(draft));
    return true;
  } catch {
    // The shelf is full or closed: the page still has it.
    return false;
  }
}

export function dropDraft(shelf: Shelf, workflow: string): void {
  try {
    shelf.removeItem(key(workflow));
  } catch {
    // A closed shelf has nothing on it.
  }
}
