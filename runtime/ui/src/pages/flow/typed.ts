// A text that says something else while it is typed than what it is kept as.
import { useState } from "react";

export function useTyped(value: string, onChange: (value: string) => void) {
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  // Changed from elsewhere: by undo, or by an example.
  if (value !== known) {
    setKnown(value);
    if (normal(typed) !== normal(value)) setTyped(value);
  }
  return {
    value: typed,
    onChange: (next: string) => {
      setTyped(next);
      onChange(next);
    },
  };
}

const normal = (text: string) => text.split(/[\s,]+/).filter(Boolean).join(",");
