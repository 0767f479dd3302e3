// The coloured buttons of what can be done now. What cannot be done yet says why, on the button itself.
import type { UseQueryResult } from "@tanstack/react-query";
import { ChevronDown, Lock } from "lucide-react";
import { type MouseEvent, useId, useRef, useState } from "react";
import { Dialog } from "react-aria-components";
import { ApiError } from "../../api/client";
import type { TaskAction } from "../../api/tasks";
import { fillColors } from "../../model/color";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Dot } from "../../parts/Marks";
import { Popup } from "../../parts/Popup";
import { Spinner } from "../../parts/Spinner";
import { Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";
import styles from "./ActionBar.module.css";
import type { Performing } from "./usePerform";

interface ActionBarProps {
  actions: UseQueryResult<TaskAction[]>;
  /** Actions that are under way on this task. */
  pending: string[];
  performing: Performing;
}

/** A second click this soon is of a double click: the first one may be done by then, and the buttons stand elsewhere. */
const DOUBLE_MS = 400;

/** When a bar was pressed: any of them, as that of the next task stands where that of this one stood. */
let pressed = -DOUBLE_MS;

export function ActionBar({ actions, pending, performing }: ActionBarProps) {
  const [confirming, setConfirming] = useState<TaskAction | null>(null);
  const press = (action: TaskAction, { detail, timeStamp }: MouseEvent) => {
    const isAgain = detail > 1 || timeStamp - pressed < DOUBLE_MS;
    pressed = timeStamp;
    if (isAgain) return;
    if (action.confirm) setConfirming(action);
    else performing.start(action);
  };
  const answered = () => {
    setConfirming(null);
    // What comes after an answer is a click of its own.
    pressed = -DOUBLE_MS;
  };
  const { refused } = performing;
  const isUncertain = refused?.error instanceof ApiError && refused.error.passes;
  return (
    <>
      {actions.data && actions.data.length > 0 && (
        <div className={styles.bar} role="group" aria-label="Actions">
          {actions.data.map((action) => {
            const isBusy = pending.includes(action.id);
            if (isBusy || !action.unmet?.length) {
              return <Offered key={action.id} action={action} isBusy={isBusy || performing.asking !== null} isOwn={isBusy || performing.asking === action.id} onPress={(event) => press(action, event)} />;
            }
            return <Unmet key={action.id} action={action} unmet={action.unmet} />;
          })}
        </div>
      )}
      {actions.isError && !actions.data && (
        <div className={styles.whole}>
          <Notice kind="bad" title="What can be done could not be loaded" action={<Button small onPress={() => void actions.refetch()}>Try again</Button>}>
            {told(actions.error)}
          </Notice>
        </div>
      )}
      {refused && (
        <div className={styles.whole}>
          <Notice
            kind="bad"
            title={isUncertain ? `Whether ${refused.action.name} was begun is not known` : `${refused.action.name} was not begun`}
            action={
              <>
                {isUncertain && (
                  <Button small onPress={() => performing.start(refused.action)}>
                    Try again
                  </Button>
                )}
                <Button small onPress={performing.forget}>
                  Close
                </Button>
              </>
            }
          >
            <Said error={refused.error} />
            {isUncertain && <span>Tried again it is performed once, not twice.</span>}
          </Notice>
        </div>
      )}
      <Confirm
        title={confirming?.name ?? ""}
        does={confirming?.name ?? ""}
        isOpen={confirming !== null}
        onClose={answered}
        onConfirm={() => {
          if (confirming) performing.start(confirming);
          answered();
        }}
      >
        <p>{confirming?.confirm}</p>
      </Confirm>
    </>
  );
}

function Said({ error }: { error: unknown }) {
  const said = error instanceof ApiError ? error.sentences : [told(error)];
  if (said.length === 1) return <span>{said[0]}</span>;
  return (
    <ul className={styles.said}>
      {said.map((it) => (
        <li key={it}>{it}</li>
      ))}
    </ul>
  );
}

function Offered({ action, isBusy, isOwn, onPress }: { action: TaskAction; isBusy: boolean; isOwn: boolean; onPress: (event: MouseEvent) => void }) {
  return (
    // It keeps the keyboard while it is busy, so it is not disabled for good.
    <button type="button" className={styles.action} style={fillColors(action.color)} aria-disabled={isBusy} aria-busy={isOwn} onClick={(event) => !isBusy && onPress(event)}>
      {isOwn && <Spinner />}
      {action.name}
    </button>
  );
}

/** It can be reached and read, and does nothing but to say what is missing. */
function Unmet({ action, unmet }: { action: TaskAction; unmet: string[] }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [first, ...others] = unmet;
  return (
    <>
      <button
        ref={button}
        type="button"
        className={`${styles.action} ${styles.unmet}`}
        aria-disabled
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-describedby={id}
        onClick={() => setOpen(true)}
      >
        <span className={styles.name}>
          <Dot color={action.color} />
          {action.name}
          <Lock aria-hidden />
        </span>
        <span className={styles.why}>
          <span className={styles.first}>{first}</span>
          {others.length > 0 && <span className={styles.others}> +{others.length}</span>}
          <ChevronDown aria-hidden />
        </span>
      </button>
      <span id={id} className="unseen">
        Cannot be performed yet: {unmet.join("; ")}
      </span>
      <Popup triggerRef={button} isOpen={isOpen} onOpenChange={setOpen} placement="bottom end" className={styles.popover}>
        <Dialog className={styles.dialog!} aria-label={`${action.name} cannot be performed yet`}>
          <strong>{action.name} cannot be performed yet</strong>
          <ul className={styles.said}>
            {unmet.map((it) => (
              <li key={it}>{it}</li>
            ))}
          </ul>
          <Button small slot="close">
            Close
          </Button>
        </Dialog>
      </Popup>
    </>
  );
}
