// The Flow Builder: sidebar, canvas and what is told above them; its keys, and asking before something is lost.
import { useQuery } from "@tanstack/react-query";
import { ReactFlowProvider } from "@xyflow/react";
import { Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Definition, type StepType, secretNamesQuery } from "../../api/definitions";
import { usersQuery } from "../../api/queries";
import { useRights, useSession } from "../../api/session";
import type { FlowDocument } from "../../model/flow/document";
import { type Draft, draftKey } from "../../model/flow/draft";
import type { Thing } from "../../model/flow/edit";
import { isThere } from "../../model/flow/steps";
import { nodeId } from "../../model/flow/canvas";
import { Modal } from "../../parts/Dialog";
import { Loading } from "../../parts/States";
import { sayError } from "../../parts/Toasts";
import { Canvas } from "./Canvas";
import { Conflict } from "./Conflict";
import styles from "./Builder.module.css";
import { Leave } from "./Leave";
import { Notices } from "./Notices";
import { useRemoval } from "./removal";
import { useDraft, useSaving, useValidation } from "./saving";
import { RolesDialog } from "./RolesDialog";
import { type Parts, Sidebar } from "./Sidebar";
import { type Builder, BuilderContext, useBuilderState } from "./state";
import { Toolbar } from "./Toolbar";
import { FieldsDialog } from "./FieldsDialog";

// Forms are a chunk of their own: the canvas is there before them.
const loadSteps = () => import("./StepDialog");
const StepDialog = lazy(() => loadSteps().then((it) => ({ default: it.StepDialog })));

interface Props {
  workflow: string;
  definition: Definition;
  stepTypes: StepType[];
  draft: Draft | undefined;
}

export function BuilderPage({ workflow, definition, stepTypes, draft }: Props) {
  const held = useBuilderState(definition, draft);
  const { dispatch, document, step, closeStep } = held;
  const { isArchived } = useRights(workflow);
  const isReadOnly = definition.managed_by === "file" || isArchived;
  const { is_administrator, user } = useSession();
  const key = draftKey(user?.id, workflow);
  const secrets = useQuery({ ...secretNamesQuery, enabled: is_administrator });
  const users = useQuery(usersQuery(workflow));
  const { problems, isChecked } = useValidation(workflow, document, !isReadOnly);
  const { isLost: isDraftLost, keep } = useDraft(key, held, !isReadOnly);
  const [openParts, setOpenParts] = useState<Parts>();
  const [isConflictOpen, setConflictOpen] = useState(false);
  const saving = useSaving(workflow, key, held, () => setConflictOpen(true));

  useEffect(() => {
    dispatch({ do: "theirs", saved: { version: definition.version, document: definition.document } });
  }, [definition, dispatch]);
  // Somebody else's version, or an undone edit, may be without it.
  const isStepGone = step !== undefined && !isThere(document, step.open);
  useEffect(() => {
    if (!isStepGone) return;
    if (step?.typed) sayError(new Error(`The step “${step.typed.name}” was not applied: it, or its action, is not there any more.`));
    closeStep();
  }, [isStepGone, step, closeStep]);
  // Before one opens a step, so that it opens at once, also when the server is away by then.
  useEffect(() => void loadSteps().catch(() => undefined), []);

  const latest = useRef(document);
  latest.current = document;
  const edit = useCallback(
    (change: (document: FlowDocument) => FlowDocument, about?: string, select?: Thing[]) => {
      if (isReadOnly) return;
      const next = change(latest.current);
      // Two edits before the page is drawn again go on from one another.
      latest.current = next;
      dispatch({ do: "edit", document: next, about, select: select?.map(nodeId) });
    },
    [dispatch, isReadOnly],
  );
  const emails = useMemo(() => (users.data ?? []).map((it) => it.email), [users.data]);
  const { dispatch: _, ...shown } = held;
  const builder: Builder = {
    ...shown,
    workflow,
    file: definition.file,
    isReadOnly,
    isArchived,
    stepTypes,
    secrets: secrets.data ?? [],
    emails,
    problems,
    edit,
  };
  const removal = useRemoval(builder);
  useKeys(builder, removal.ask, () => void saving.save());

  return (
    <BuilderContext value={builder}>
      <main id="main" className={styles.builder}>
        <h1 className="unseen">Flow Builder</h1>
        <Notices refusal={saving.refusal} onForget={saving.forget} isDraftLost={isDraftLost && (held.isDirty || step?.typed !== undefined)} onCompare={() => setConflictOpen(true)} onRead={() => dispatch({ do: "note-read" })} />
        <ReactFlowProvider>
          <div className={styles.parts}>
            <Sidebar isSaving={saving.isSaving} isChecked={isChecked} onSave={() => void saving.save()} onRemove={removal.ask} onParts={setOpenParts} />
            <section className={styles.stage} aria-label="Canvas">
              <Toolbar onRemove={removal.ask} />
              <Canvas />
            </section>
          </div>
        </ReactFlowProvider>
        <Suspense fallback={<StepComes onClose={() => step?.typed || closeStep()} />}>{step && <StepDialog key={JSON.stringify(step.open)} open={step.open} typed={step.typed} />}</Suspense>
        {openParts === "fields" && <FieldsDialog onClose={() => setOpenParts(undefined)} />}
        {openParts === "roles" && <RolesDialog onClose={() => setOpenParts(undefined)} />}
        {removal.dialog}
        <Conflict
          isOpen={isConflictOpen && held.theirs !== undefined}
          onClose={() => setConflictOpen(false)}
          onTake={() => dispatch({ do: "take-theirs" })}
          onKeep={() => {
            dispatch({ do: "keep-mine" });
            void saving.save(held.theirs?.version);
          }}
        />
        <Leave draft={key} onKeep={keep} isDirty={held.isDirty || step?.typed !== undefined} isDraftLost={isDraftLost} />
      </main>
    </BuilderContext>
  );
}

/** Its form is a chunk of its own, which a slow line brings a moment later. What was typed before stays until it is there. */
function StepComes({ onClose }: { onClose: () => void }) {
  return (
    <Modal title="Step" isOpen onClose={onClose} wide>
      <Loading what="The form of the step" />
    </Modal>
  );
}

/** Keys that work wherever nothing is typed and no dialog is open. */
function useKeys(builder: Builder, remove: () => void, save: () => void) {
  const latest = useRef({ builder, remove, save });
  latest.current = { builder, remove, save };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const { builder: it, remove: removes, save: saves } = latest.current;
      const target = event.target instanceof HTMLElement ? event.target : undefined;
      // Notes of what was done are no dialogs that one would have to leave first.
      if (event.defaultPrevented || document.querySelector("[role=dialog], [role=menu], [role=listbox]")) return;
      const isCommand = event.ctrlKey || event.metaKey;
      const key = event.key.toLowerCase();
      if (isCommand && key === "s" && !it.isReadOnly) {
        event.preventDefault();
        if (it.isDirty) saves();
        return;
      }
      if (target?.closest("input, textarea, [contenteditable]")) return;
      if (isCommand && key === "z") {
        event.preventDefault();
        if (event.shiftKey) it.redo();
        else it.undo();
      } else if (isCommand && key === "y") {
        event.preventDefault();
        it.redo();
      } else if ((key === "delete" || key === "backspace") && !it.isReadOnly && it.selected.length > 0 && (!target || target === document.body || target.closest("[data-canvas]"))) {
        event.preventDefault();
        removes();
      } else if (key === "escape" && it.selected.length > 0) it.select([]);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
