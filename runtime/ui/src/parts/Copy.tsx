// Text to be copied: a key that is shown once, a command.
import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";
import { Button } from "./Button";
import styles from "./Copy.module.css";

const DONE_MS = 2000;

/** Puts a text on the clipboard, also where the page did not come by https. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyButton({ text, label = "Copy", look = "plain" }: { text: string; label?: string; look?: "plain" | "quiet" }) {
  const [isDone, setDone] = useState(false);
  const press = async () => {
    await copy(text);
    setDone(true);
    setTimeout(() => setDone(false), DONE_MS);
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
