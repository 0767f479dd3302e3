// Light or dark: as the machine says, unless somebody has chosen.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

export const THEMES: { id: Theme; name: string }[] = [
  { id: "system", name: "As the system" },
  { id: "light", name: "Light" },
  { id: "dark", name: "Dark" },
];

const KEY = "onward-theme";

const listeners = new Set<() => void>();

export function storedTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset["theme"];
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem(KEY, theme);
  }
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  // Another tab of this browser has chosen.
  const follow = ({ key }: StorageEvent) => key === KEY && applyTheme(storedTheme());
  listeners.add(listener);
  window.addEventListener("storage", follow);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", follow);
  };
}

/** The theme that is chosen, and how to choose another; anything that is no theme is left alone. */
export function useTheme(): [Theme, (id: string) => void] {
  const theme = useSyncExternalStore(subscribe, storedTheme);
  const choose = (id: string) => {
    const chosen = THEMES.find((it) => it.id === id);
    if (chosen) applyTheme(chosen.id);
  };
  return [theme, choose];
}
