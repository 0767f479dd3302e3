// Text to be copied: a key that is shown once, a command.
import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";
import { Button } from "./Button";
import styles from "./Copy.module.css";
import { sayError } from "./Toasts";

const DONE_MS = 2000;

/** Puts a text on the clipboard, also where the page did not come by https. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  let isDone = false;
  // Where a menu or a dialog holds the focus, what is selected beside it is not what would be copied.
  const put = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    isDone = event.clipboardData !== null;
  };
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.addEventListener("copy", put);
  document.execCommand("copy");
  document.removeEventListener("copy", put);
  area.remove();
  if (!isDone) throw new Error("The browser did not let it be copied.");
}

export function CopyButton({ text, label = "Copy", look = "plain" }: { text: string; label?: string; look?: "plain" | "quiet" }) {
  const [isDone, setDone] = useState(false);
  const press = async () => {
    try {
      await copy(text);
      setDone(true);
      setTimeout(() => setDone(false), DONE_MS);
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <Button small look={look} icon={isDone ? <Check aria-hidden /> : <CopyIcon aria-hidden />} onPress={press}>
      {isDone ? "Copied" : label}
    </Button>
  );
}

/** A block of text in one width, with a button that copies it. */
export function CopyBlock({ text, label }: { text: string; label?: string }) {
  return (
    <div className={styles.block}>
      <pre className={styles.text} tabIndex={0}>
        {text}
      </pre>
      <CopyButton text={text} {...(label && { label })} />
    </div>
  );
}
