// Deleting what is selected. A stage that tasks may be in is asked about first, with how many there are.
import { type ReactNode, useEffect, useState } from "react";
import { type Stranded, validateDocument } from "../../api/definitions";
import { disconnect } from "../../model/flow/canvas";
import { type Stage, stageById, stagesOf } from "../../model/flow/document";
import { type Thing, remove, takePlaceOf } from "../../model/flow/edit";
import { Button } from "../../parts/Button";
import { Link } from "react-router";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { Select } from "../../parts/Field";
import { type Builder, edgesIn, thingsIn } from "./state";
import { pinned } from "./Toolbar";


export function useRemoval(builder: Builder): { ask: () => void; dialog: ReactNode } {
  const [asked, setAsked] = useState<Thing[]>();
  const { document, saved, edit, selected } = builder;
  const go = (things: Thing[], into: string | undefined) => {
    const stage = things.find((it) => it.kind === "stage");
    const edges = edgesIn(document, selected).map((it) => it.id);
    edit(
      (before) => {
        const removed = remove(disconnect(pinned(before), edges), things);
        return into && stage ? takePlaceOf(removed, stage.id, into) : removed;
      },
      undefined,
      [],
    );
    setAsked(undefined);
  };
  const askFor = (things: Thing[]) => {
    const hasSaved = things.some((it) => it.kind === "stage" && stageById(saved.document, it.id));
    if (hasSaved) setAsked(things);
    else go(things, undefined);
  };
  return {
    ask: () => askFor(thingsIn(selected)),
    dialog: asked && <RemoveStages builder={builder} things={asked} onRemove={(into) => go(asked, into)} onClose={() => setAsked(undefined)} />,
  };
}

interface Props {
  builder: Builder;
  things: Thing[];
  onRemove: (into: string | undefined) => void;
  onClose: () => void;
}

const NOWHERE = "";

function RemoveStages({ builder, things, onRemove, onClose }: Props) {
  const { document, saved, workflow } = builder;
  const stages = things.map((it) => (it.kind === "stage" ? stageById(document, it.id) : undefined)).filter((it): it is Stage => it !== undefined);
  const stranded = useStranded(builder, things);
  const [into, setInto] = useState(NOWHERE);
  // Only a stage that is new has no tasks of its own, and can take over another one's.
  const fresh = stages.length === 1 ? stagesOf(document).filter((it) => !stageById(saved.document, it.id)) : [];
  const names = stages.map((it) => `“${it.name}”`).join(", ");
  const isKnown = stranded !== undefined && stranded !== "unknown";
  const count = isKnown ? stranded.reduce((sum, it) => sum + it.tasks, 0) : 0;
  const tasks = count === 1 ? "1 task is" : `${count} tasks are`;
  return (
    <Modal title={`Remove ${stages.length === 1 ? "the stage" : "the stages"} ${names}?`} isOpen onClose={onClose} isDismissable>
      <p>Its arrows go with it: actions are no longer offered there, and steps that move there, at once or later, are removed.</p>
      {stranded === undefined && <p role="status">Looking for tasks in it…</p>}
      {stranded === "unknown" && <p>Whether tasks are in it could not be found out. If there are any, saving is refused.</p>}
      {isKnown && count === 0 && <p>No task is in it.</p>}
      {count > 0 && (
        <p>
          <strong>{tasks} in it.</strong> Saving is refused while they are: <Link to={`/workflows/${workflow}/tasks`}>move them</Link> first, or give the stage another name instead of removing it. Then they stay where they are.
        </p>
      )}
      {fresh.length > 0 && (
        <Select
          label="Tasks that are in it"
          description="A new stage can take its place: its tasks and their history go on there."
          value={into}
          onChange={setInto}
          options={[{ id: NOWHERE, name: "Stay, and must be moved before" }, ...fresh.map((it) => ({ id: it.id, name: `Go on in “${it.name}”` }))]}
        />
      )}
      <DialogButtons>
        <Button onPress={onClose}>Cancel</Button>
        <Button look="danger" onPress={() => onRemove(into || undefined)}>
          Remove
        </Button>
      </DialogButtons>
    </Modal>
  );
}

/** What would be stranded without them, as the server counts it. */
function useStranded({ workflow, document, saved }: Builder, things: Thing[]): Stranded[] | "unknown" | undefined {
  const [stranded, setStranded] = useState<Stranded[] | "unknown">();
  useEffect(() => {
    const abort = new AbortController();
    // Counted on what is saved: what is being edited may have other problems, with which nothing is counted.
    const ids = new Set(things.map((it) => it.id));
    const trial = remove(saved.document, things);
    const nowhere = (trial.actions ?? []).filter((it) => it.from.length === 0).map((it): Thing => ({ kind: "action", id: it.id }));
    validateDocument(workflow, remove(trial, nowhere), abort.signal)
      .then((it) => setStranded(it.problems.length > 0 ? "unknown" : it.stranded.filter((one) => one.id !== null && ids.has(one.id))))
      .catch(() => !abort.signal.aborted && setStranded("unknown"));
    return () => abort.abort();
  }, [workflow, document, saved, things]);
  return stranded;
}
