// Above the canvas: what is new, what is selected, and undo.
import { LayoutDashboard, Plus, Redo2, Trash2, Undo2 } from "lucide-react";
import { place, toCanvas } from "../../model/flow/canvas";
import type { FlowDocument } from "../../model/flow/document";
import { type Thing, addAction, addStage } from "../../model/flow/edit";
import { arranged, shownAt, spotNear } from "../../model/flow/layout";
import { Button, IconButton } from "../../parts/Button";
import { useCanvasCentre } from "./centre";
import { thingsIn, useBuilder } from "./state";
import styles from "./Toolbar.module.css";

/** Everything stays where it is seen, whatever comes beside it. */
export const pinned = (document: FlowDocument): FlowDocument => place(document, shownAt(document));

export function Toolbar({ onRemove }: { onRemove: () => void }) {
  const builder = useBuilder();
  const { document, edit, selected, isReadOnly } = builder;
  const centre = useCanvasCentre();
  const things = thingsIn(selected);

  const make = (kind: Thing["kind"]) => {
    let made: Thing | undefined;
    edit((before) => {
      const whole = pinned(before);
      const from = kind === "action" ? things.flatMap((it) => (it.kind === "stage" ? [it.id] : [])) : [];
      const position = spotNear(whole, centre(), "New action");
      const added = kind === "stage" ? addStage(whole, position) : addAction(whole, { position, from });
      made = { kind, id: added.id };
      return added.document;
    });
    if (made) builder.select([made]);
    focusName();
  };

  return (
    <div className={styles.toolbar} role="toolbar" aria-label="Flow">
      {isReadOnly ? (
        <span className={styles.count}>Only to be looked at</span>
      ) : selected.length > 0 ? (
        <>
          <span className={styles.count}>{selected.length} selected</span>
          <Button icon={<Trash2 aria-hidden />} onPress={onRemove}>
            Delete
          </Button>
          <Button icon={<Plus aria-hidden />} onPress={() => make("stage")} look="quiet">
            New stage
          </Button>
          <Button icon={<Plus aria-hidden />} onPress={() => make("action")} look="quiet">
            New action
          </Button>
        </>
      ) : (
        <>
          <Button look="dark" icon={<Plus aria-hidden />} onPress={() => make("stage")}>
            New stage
          </Button>
          <Button icon={<Plus aria-hidden />} onPress={() => make("action")}>
            New action
          </Button>
        </>
      )}
      <span className={styles.space} />
      {!isReadOnly && (
        <>
          <IconButton label="Undo (Ctrl+Z)" icon={<Undo2 />} onPress={builder.undo} isDisabled={!builder.canUndo} />
          <IconButton label="Redo (Ctrl+Shift+Z)" icon={<Redo2 />} onPress={builder.redo} isDisabled={!builder.canRedo} />
          <IconButton label="Arrange" icon={<LayoutDashboard />} onPress={() => edit((it) => place(it, arranged(it)))} isDisabled={toCanvas(document).nodes.length === 0} />
        </>
      )}
    </div>
  );
}

/** Whoever made something says at once what it is called. */
export function focusName() {
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      const input = document.querySelector<HTMLInputElement>("[data-thing-name] input");
      input?.focus();
      input?.select();
    }),
  );
}
