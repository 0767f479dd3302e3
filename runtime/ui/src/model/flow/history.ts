// Undo and redo: documents one after the other. Edits of the same thing in a row, such as typing a name, are one.

const KEPT_MAX = 200;

export interface History<T> {
  past: T[];
  present: T;
  future: T[];
  /** What the last edit was about; a further one about the same replaces it. */
  about?: string | undefined;
}

export const begin = <T>(present: T): History<T> => ({ past: [], present, future: [] });

export function record<T>(history: History<T>, next: T, about?: string): History<T> {
  if (next === history.present) return history;
  if (about !== undefined && about === history.about && history.past.length > 0) return { ...history, present: next, future: [] };
  return { past: [...history.past, history.present].slice(-KEPT_MAX), present: next, future: [], about };
}

export function undo<T>(history: History<T>): History<T> {
  const before = history.past.at(-1);
  if (before === undefined) return history;
  return { past: history.past.slice(0, -1), present: before, future: [history.present, ...history.future] };
}

export function redo<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future };
}

export const canUndo = (history: History<unknown>): boolean => history.past.length > 0;
export const canRedo = (history: History<unknown>): boolean => history.future.length > 0;
