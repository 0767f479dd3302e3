// Modals: one that holds whatever it is given, and one that asks before something is done.
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal as AriaModal, ModalOverlay } from "react-aria-components";
import { Button, IconButton } from "./Button";
import styles from "./Dialog.module.css";
import { Notice } from "./States";
import { told } from "./Toasts";

interface ModalProps {
  title: ReactNode;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
  /** A click beside it closes it: not where something could be lost by that. */
  isDismissable?: boolean;
  /** Escape closes it not either: what it shows is shown once. */
  isKept?: boolean;
}

export function Modal({ title, isOpen, onClose, children, wide = false, isDismissable = false, isKept = false }: ModalProps) {
  return (
    <ModalOverlay
      className={styles.overlay!}
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable={isDismissable && !isKept}
      isKeyboardDismissDisabled={isKept}
    >
      <AriaModal className={`${styles.modal} ${wide ? styles.wide : ""}`}>
        <AriaDialog className={styles.dialog!}>
          <header className={styles.header}>
            <Heading slot="title" className={styles.title!}>
              {title}
            </Heading>
            <IconButton label="Close" icon={<X />} onPress={onClose} />
          </header>
          <div className={styles.body}>{children}</div>
        </AriaDialog>
      </AriaModal>
    </ModalOverlay>
  );
}

interface ConfirmProps {
  title: string;
  /** What will happen. */
  children: ReactNode;
  /** What the button says that does it. */
  does: string;
  danger?: boolean;
  isPending?: boolean;
  /** Why it could not be done. */
  error?: unknown;
  isOpen: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

export function Confirm({ title, children, does, danger = false, isPending = false, error, isOpen, onConfirm, onClose }: ConfirmProps) {
  return (
    <Modal title={title} isOpen={isOpen} onClose={onClose} isDismissable>
      {error != null && <Notice kind="bad">{told(error)}</Notice>}
      <div className={styles.text}>{children}</div>
      <DialogButtons>
        <Button onPress={onClose}>Cancel</Button>
        <Button look={danger ? "danger" : "primary"} onPress={onConfirm} isPending={isPending} autoFocus>
          {does}
        </Button>
      </DialogButtons>
    </Modal>
  );
}

export function DialogButtons({ children }: { children: ReactNode }) {
  return <footer className={styles.buttons}>{children}</footer>;
}
