// What somebody has half written: kept for this tab until it is sent or given up, also when the page is left or loaded anew.
import { useCallback, useState } from "react";

/** As `useState`, but for the third part, which forgets. What cannot be kept is only held. */
export function useKept<T>(key: string, initial: () => T): [T, (value: T) => void, () => void] {
  const name = `onward-draft-${key}`;
  const [value, setValue] = useState<T>(() => read<T>(name) ?? initial());
  const write = useCallback(
    (to: T) => {
      setValue(to);
      try {
        sessionStorage.setItem(name, JSON.stringify(to));
      } catch {
        // Too large, as files are: it is here for as long as the page is.
      }
    },
    [name],
  );
  const forget = useCallback(() => sessionStorage.removeItem(name), [name]);
  return [value, write, forget];
}

function read<T>(name: string): T | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}
