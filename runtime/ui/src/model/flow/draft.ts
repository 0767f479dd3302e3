// Drafts: what somebody has edited and not saved, kept in the browser, so that neither a reload nor a restart loses it.
import { type FlowDocument, same } from "./document";
import { type TypedStep, isThere } from "./steps";

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
  /** What was typed into a step and not applied. */
  step?: TypedStep | undefined;
  at: string;
}

/** Whose draft of which workflow: another one who signs in at the same browser has their own. */
export const draftKey = (user: string | undefined, workflow: string) => `onward-draft:${user ?? ""}:${workflow}`;

/** What this tab has written, by its key: what another tab keeps is not this one's to remove. */
const written = new Map<string, string>();

/** The draft that is kept under a key, unless it says the same as what it was made from. */
export function readDraft(shelf: Shelf, key: string): Draft | undefined {
  try {
    const draft = JSON.parse(shelf.getItem(key) ?? "null") as Draft | null;
    if (!draft || typeof draft.version !== "number" || !Array.isArray(draft.document?.stages) || !Array.isArray(draft.base?.stages)) return undefined;
    const { step, ...rest } = draft;
    if (step && typeof step.step?.name === "string" && isThere(draft.document, step.open)) return draft;
    return same(draft.document, draft.base) ? undefined : rest;
  } catch {
    return undefined;
  }
}

/** Keeps a draft; what is as it was saved needs none. Says whether the browser took it. */
export function keepDraft(shelf: Shelf, key: string, draft: Draft): boolean {
  if (!draft.step && same(draft.document, draft.base)) {
    dropDraft(shelf, key);
    return true;
  }
  try {
    const text = JSON.stringify(draft);
    shelf.setItem(key, text);
    written.set(key, text);
    return true;
  } catch {
    // The shelf is full or closed: the page still has it.
    return false;
  }
}

/** Lets go of the draft that this tab has kept. */
export function dropDraft(shelf: Shelf, key: string): void {
  try {
    if (written.has(key) && shelf.getItem(key) === written.get(key)) shelf.removeItem(key);
    written.delete(key);
  } catch {
    // A closed shelf has nothing on it.
  }
}
