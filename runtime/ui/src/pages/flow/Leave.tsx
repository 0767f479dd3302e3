// Whoever leaves with something unsaved is asked. A draft stays in the browser unless it is thrown away.
import { useEffect } from "react";
import { useBlocker } from "react-router";
import { dropDraft } from "../../model/flow/draft";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";

interface Props {
  draft: string;
  onKeep: () => void;
  isDirty: boolean;
  /** The browser did not take it. */
  isDraftLost: boolean;
}

export function Leave({ draft, onKeep, isDirty, isDraftLost }: Props) {
  const blocker = useBlocker(({ currentLocation, nextLocation }) => isDirty && currentLocation.pathname !== nextLocation.pathname);
  useUnloadQuestion(isDirty);
  if (blocker.state !== "blocked") return null;
  return (
    <Modal title="There are changes that are not saved" isOpen onClose={blocker.reset} isDismissable>
      <p>
        {isDraftLost
          ? "The browser has no room to keep them: stay and save them, or throw them away."
          : "Keep them as a draft: they are here again when you come back, in this browser. Or throw them away."}
      </p>
      <DialogButtons>
        <Button onPress={blocker.reset}>Stay here</Button>
        <Button
          look="danger"
          onPress={() => {
            dropDraft(localStorage, draft);
            blocker.proceed();
          }}
        >
          Throw them away
        </Button>
        {!isDraftLost && (
          <Button
            look="primary"
            onPress={() => {
              // Another tab with the same draft may have thrown it away.
              onKeep();
              blocker.proceed();
            }}
          >
            Keep the draft and leave
          </Button>
        )}
      </DialogButtons>
    </Modal>
  );
}

/** The browser asks before it closes or reloads the page. */
function useUnloadQuestion(isDirty: boolean): void {
  useEffect(() => {
    if (!isDirty) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [isDirty]);
}
