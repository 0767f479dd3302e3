// Short notes of what was done, and of what went wrong where no other place shows it.
import { X } from "lucide-react";
import { Button, Text, UNSTABLE_Toast as Toast, UNSTABLE_ToastContent as ToastContent, UNSTABLE_ToastQueue as ToastQueue, UNSTABLE_ToastRegion as ToastRegion } from "react-aria-components";
import { ApiError } from "../api/client";
import styles from "./Toasts.module.css";

interface Note {
  text: string;
  isBad: boolean;
}

const NOTES_MAX = 4;
const SHOWN_MS = 6000;

const queue = new ToastQueue<Note>({ maxVisibleToasts: NOTES_MAX });

/** Says that something was done. */
export function say(text: string): void {
  queue.add({ text, isBad: false }, { timeout: SHOWN_MS });
}

/** Says what went wrong; it stays until somebody closes it. */
export function sayError(error: unknown): void {
  queue.add({ text: told(error), isBad: true });
}

/** Whoever comes next is told nothing of what was said to somebody else. */
export function forgetNotes(): void {
  queue.clear();
}

/** An error in words. */
export function told(error: unknown): string {
  if (error instanceof ApiError) return error.sentences.join(" ");
  return error instanceof Error ? error.message : String(error);
}

/** Whether what was asked for may have been done all the same: its answer never came. */
export function hasNoAnswer(error: unknown): boolean {
  return error instanceof ApiError && error.code === "unreachable";
}

/** What is wrong with the value of a field; else what went wrong with saving it. */
export function toldOf(error: unknown, field: string): string {
  const said = error instanceof ApiError ? error.fields[field]?.join("; ") : undefined;
  return said ? `${field} ${said}` : told(error);
}

export function Toasts() {
  return (
    <ToastRegion queue={queue} className={styles.region!}>
      {({ toast }) => (
        <Toast toast={toast} className={`${styles.toast} ${toast.content.isBad ? styles.bad : ""}`}>
          <ToastContent>
            <Text slot="title">{toast.content.text}</Text>
          </ToastContent>
          <Button slot="close" className={styles.close!} aria-label="Close">
            <X aria-hidden />
          </Button>
        </Toast>
      )}
    </ToastRegion>
  );
}
