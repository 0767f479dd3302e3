// Plugins in words: how one is, where it came from, and what to do about one that is not used.
import type { Schemas } from "../../api/client";
import type { Tone } from "../color";

type Plugin = Schemas["Plugin"];

export const PLUGIN_STATES: Record<Plugin["state"], { name: string; tone: Tone }> = {
  loaded: { name: "Loaded", tone: "good" },
  backing_off: { name: "Starting again", tone: "warn" },
  quarantined: { name: "Quarantined", tone: "bad" },
  disabled: { name: "Disabled", tone: "quiet" },
  refused: { name: "Refused", tone: "bad" },
};

export const ORIGINS: Record<Plugin["origin"], string> = {
  shipped: "Ships with Onward",
  folder: "The plugins folder",
};

export const MODES: Record<Plugin["isolation"], { name: string; says: string }> = {
  "in-process": { name: "In the server's process", says: "Trusted like the server itself: what ends it ends the server." },
  process: { name: "In a process of its own", says: "What ends it ends nothing else." },
};

export const PINS: Record<Plugin["pin"], { name: string; tone: Tone }> = {
  pinned: { name: "Pinned", tone: "good" },
  unpinned: { name: "Not pinned", tone: "quiet" },
  modified: { name: "Changed since it was pinned", tone: "bad" },
};

const RESTART = "Plugins are looked at when the server starts: start it again afterwards.";

/** Where the server says what is wrong, it often says what to do, too: then nothing is added. */
const SAID = ["plugin_modified", "plugin_unpinned", "plugin_name_taken", "step_type_taken"];

const ADVICE: Record<string, string> = {
  plugin_changeable: "Take the right to write away from everybody but the server's user, for the file and every folder above it (chmod go-w).",
  plugin_other_abi: "Build it with the plugin SDK of this version of Onward.",
  plugin_other_machine: "Build it for this machine's processor and system.",
  plugin_without_note: "If it is a plugin, build it with the SDK's export; otherwise take it out of the folder.",
  plugin_note_invalid: "Build it with the SDK's export. `onward plugin inspect` says what is wrong.",
  plugin_not_a_library: "Copy it again: it may have come damaged. Take out what is no shared library.",
  plugin_unreadable: "Let the server's user read the file.",
  plugin_too_large: "Build it without debug information (strip).",
  plugin_not_copied: "See that the data folder can be written to and has room.",
  plugin_not_loaded: "See that the libraries it needs are installed. `onward plugin check` tries it by itself.",
  plugin_not_described: "`onward plugin check` tries it by itself and shows what it says.",
  plugin_table_invalid: "Build it with the SDK of this version of Onward.",
  plugin_steps_invalid: "Tell its author: `onward plugin check` says what is wrong with its step types.",
  plugin_refuses: "Ask its author which version of Onward it needs.",
};

/** What somebody should do, in sentences; null where all is well. */
export function advice({ state, code }: Pick<Plugin, "state" | "code">): string | null {
  switch (state) {
    case "loaded":
      return null;
    case "backing_off":
      return "Its process ended and is started again by itself. If that goes on, look at the log for what it said last.";
    case "quarantined":
      return "It ended too often in a short time, so it is left alone for a few minutes and then tried again. Look at the log for what it said last; `onward plugin check` tries it without the server.";
    case "disabled":
      return `It is named in plugins.disabled. To use it, take its name out. ${RESTART}`;
    case "refused":
      if (code && SAID.includes(code)) return RESTART;
      return `${(code && ADVICE[code]) ?? "`onward plugin check` tries it by itself and says what is wrong."} ${RESTART}`;
  }
}

/** What needs somebody first, then by name. */
export function inOrder<P extends Pick<Plugin, "state" | "name">>(plugins: P[]): P[] {
  const order: Plugin["state"][] = ["refused", "quarantined", "backing_off", "loaded", "disabled"];
  return plugins.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.name.localeCompare(b.name));
}
