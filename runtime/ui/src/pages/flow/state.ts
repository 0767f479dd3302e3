// What the Flow Builder holds while it is open: the saved document, the edited one with its past, and what is selected.
import { createContext, useContext, useMemo, useReducer } from "react";
import type { Definition, StepType } from "../../api/definitions";
import { type CanvasEdge, nodeId, thingOf, toCanvas } from "../../model/flow/canvas";
import { type Became, type FlowDocument, type Step, follow, same, settle } from "../../model/flow/document";
import type { Draft } from "../../model/flow/draft";
import type { Thing } from "../../model/flow/edit";
import { type History, begin, canRedo, canUndo, record, redo, undo } from "../../model/flow/history";
import { type OpenStep, followOpen } from "../../model/flow/steps";
import type { Placed } from "../../model/flow/problems";

export interface Saved {
  version: number;
  document: FlowDocument;
}

export interface State {
  saved: Saved;
  history: History<FlowDocument>;
  /** Nodes of the canvas by their ids, and edges by theirs. */
  selected: string[];
  /** The step that is looked at, and what is typed into it and not applied. */
  step?: { open: OpenStep; typed?: Step | undefined } | undefined;
  /** What somebody else has saved meanwhile. */
  theirs?: Saved | undefined;
  /** A draft was found when the page was opened. */
  restored: boolean;
}

type Event =
  | { do: "edit"; document: FlowDocument; about?: string | undefined; select?: string[] | undefined }
  | { do: "undo" | "redo" | "cancel" | "note-read" }
  | { do: "select"; ids: string[] }
  | { do: "open-step"; open: OpenStep | undefined }
  | { do: "type-step"; typed: Step | undefined }
  | { do: "saved"; saved: Saved; became: Became; sent: FlowDocument }
  /** `isCurrent`: the server has just refused what is older or newer than it. */
  | { do: "theirs"; saved: Saved; isCurrent?: boolean }
  | { do: "take-theirs" | "keep-mine" };

/** Only what is there can be selected. */
function existing(document: FlowDocument, ids: string[]): string[] {
  const canvas = toCanvas(document);
  const all = new Set([...canvas.nodes, ...canvas.edges].map((it) => it.id));
  return ids.every((id) => all.has(id)) ? ids : ids.filter((id) => all.has(id));
}

export function next(state: State, event: Event): State {
  const to = (history: History<FlowDocument>, more: Partial<State> = {}): State => ({ ...state, ...more, history, selected: existing(history.present, more.selected ?? state.selected) });
  switch (event.do) {
    case "edit":
      return to(record(state.history, event.document, event.about), event.select ? { selected: event.select } : {});
    case "undo":
      return to(undo(state.history));
    case "redo":
      return to(redo(state.history));
    case "select":
      return same(event.ids, state.selected) ? state : { ...state, selected: event.ids };
    case "open-step":
      return { ...state, step: event.open && { open: event.open } };
    case "type-step":
      return state.step ? { ...state, step: { ...state.step, typed: event.typed } } : state;
    case "cancel":
      // What was saved last is what counts, whoever saved it.
      return to(record(state.history, (state.theirs ?? state.saved).document), { saved: state.theirs ?? state.saved, theirs: undefined, restored: false });
    case "note-read":
      return { ...state, restored: false };
    case "saved": {
      // Whatever was, is, or will be again, speaks of the saved parts by the ids that they were saved with.
      const { past, present, future, about } = state.history;
      const now = (document: FlowDocument) => follow(document, event.became);
      // What was edited while it was being saved is not lost.
      const isAsSent = present === event.sent;
      const history = { past: past.map(now), present: isAsSent ? event.saved.document : now(present), future: future.map(now), about: isAsSent ? undefined : about };
      const selected = state.selected.map((id) => {
        const [thing, became] = [thingOf(id), event.became.get(id)];
        return thing && became !== undefined ? nodeId({ ...thing, id: became }) : id;
      });
      return to(history, { saved: event.saved, theirs: undefined, restored: false, selected, step: state.step && stepAfter(state.step, event.became) });
    }
    case "theirs": {
      // An answer that was late tells an old version; but after a backup was restored, the old one is what counts.
      if (event.isCurrent ? event.saved.version === state.saved.version : event.saved.version <= state.saved.version) return state;
      // One's own save whose answer was lost.
      const mine = settle(state.history.present, state.saved.document);
      if (same(mine.document, event.saved.document)) return next(state, { do: "saved", saved: event.saved, became: mine.became, sent: state.history.present });
      // Without edits of one's own there is nothing to choose.
      if (same(state.history.present, state.saved.document) && !state.step?.typed) return to(begin(event.saved.document), { saved: event.saved, theirs: undefined });
      return { ...state, theirs: event.saved };
    }
    case "take-theirs":
      return state.theirs ? to(record(state.history, state.theirs.document), { saved: state.theirs, theirs: undefined, restored: false }) : state;
    case "keep-mine":
      return state.theirs ? { ...state, saved: state.theirs, theirs: undefined } : state;
  }
}

/** The opened step by its new ids. */
function stepAfter({ open: before, typed }: NonNullable<State["step"]>, became: Became): State["step"] {
  const open = followOpen(before, became);
  return { open, typed: typed && "step" in open ? { ...typed, id: open.step } : typed };
}

/** As the page begins: with the draft that was kept, if there is one. */
function first({ definition, draft }: { definition: Definition; draft: Draft | undefined }): State {
  const latest: Saved = { version: definition.version, document: definition.document };
  if (!draft) return { saved: latest, history: begin(latest.document), selected: [], restored: false };
  const base: Saved = draft.version === latest.version ? latest : { version: draft.version, document: draft.base };
  const isEdited = !same(draft.document, draft.base);
  const history = isEdited ? record(begin(base.document), draft.document) : begin(base.document);
  const step = draft.step && { open: draft.step.open, typed: draft.step.step };
  return { saved: base, history, selected: [], restored: isEdited, step, ...(latest.version > base.version && { theirs: latest }) };
}

export function useBuilderState(definition: Definition, draft: Draft | undefined) {
  const [state, dispatch] = useReducer(next, { definition, draft }, first);
  const document = state.history.present;
  const isDirty = useMemo(() => !same(document, state.saved.document), [document, state.saved.document]);
  const moves = useMemo(
    () => ({
      select: (things: Thing[]) => dispatch({ do: "select", ids: things.map(nodeId) }),
      selectIds: (ids: string[]) => dispatch({ do: "select", ids }),
      undo: () => dispatch({ do: "undo" }),
      redo: () => dispatch({ do: "redo" }),
      cancel: () => dispatch({ do: "cancel" }),
      openStep: (open: OpenStep) => dispatch({ do: "open-step", open }),
      closeStep: () => dispatch({ do: "open-step", open: undefined }),
      typeStep: (typed: Step | undefined) => dispatch({ do: "type-step", typed }),
    }),
    [],
  );
  return { ...state, ...moves, dispatch, document, isDirty, canUndo: canUndo(state.history), canRedo: canRedo(state.history) };
}

export interface Builder extends Omit<ReturnType<typeof useBuilderState>, "dispatch"> {
  workflow: string;
  /** A file of this name manages the workflow: it can be looked at, not edited. */
  file: string | undefined;
  isReadOnly: boolean;
  /** Put away: nobody changes it until it is brought back. */
  isArchived: boolean;
  stepTypes: StepType[];
  secrets: string[];
  emails: string[];
  problems: Placed[];
  /** Edits with the same `about` in a row are undone as one. `select` is what is selected afterwards. */
  edit: (change: (document: FlowDocument) => FlowDocument, about?: string, select?: Thing[]) => void;
}

export const BuilderContext = createContext<Builder | null>(null);

export function useBuilder(): Builder {
  const builder = useContext(BuilderContext);
  if (!builder) throw new Error("outside of the Flow Builder");
  return builder;
}

export const thingsIn = (ids: string[]): Thing[] => ids.flatMap((id) => (/^(stage|action):/.test(id) && !id.includes(">") ? (thingOf(id) ?? []) : []));

export const edgesIn = (document: FlowDocument, ids: string[]): CanvasEdge[] => toCanvas(document).edges.filter((edge) => ids.includes(edge.id));
