// Endpoints in words: whether one is called, and why not.
import type { Schemas } from "../../api/client";

type Endpoint = Schemas["Endpoint"];
import type { Tone } from "../color";

interface Circuit {
  name: string;
  tone: Tone;
  says: string;
}

export const CIRCUITS: Record<Endpoint["circuit"], Circuit> = {
  closed: { name: "Called", tone: "good", says: "It is called." },
  open: { name: "Paused", tone: "bad", says: "It failed too often in a row. Calls fail at once, until one is tried after a pause." },
  "half-open": { name: "Being tried", tone: "warn", says: "One call is under way: if it goes well, the others follow." },
  disabled: { name: "Disabled", tone: "bad", says: "It answered 410 Gone: it does not want to be called any more. Calls fail at once, until somebody enables it again." },
};

/** One that fails without being paused yet is not as it should be. */
export function circuitOf({ circuit, failures }: Pick<Endpoint, "circuit" | "failures">): Circuit {
  if (circuit === "closed" && failures > 0) return { name: "Failing", tone: "warn", says: "It is called, but its last calls failed." };
  return CIRCUITS[circuit];
}

/** Whether enabling it changes anything. */
export function canEnable({ circuit, failures }: Pick<Endpoint, "circuit" | "failures">): boolean {
  return circuit === "disabled" || circuit === "open" || (circuit === "closed" && failures > 0);
}

export function failuresInWords(failures: number): string {
  return failures === 0 ? "None" : `${failures} in a row`;
}

/** The limit of calls in a second. */
export function rateInWords(rate: number | null): string {
  return rate === null ? "None" : `${rate} a second`;
}

/** What needs somebody first, then by name. */
export function inOrder(endpoints: Endpoint[]): Endpoint[] {
  const order: Endpoint["circuit"][] = ["disabled", "open", "half-open", "closed"];
  const rank = (it: Endpoint) => order.indexOf(it.circuit) * 2 + (it.failures > 0 ? 0 : 1);
  return endpoints.toSorted((a, b) => rank(a) - rank(b) || a.endpoint.localeCompare(b.endpoint));
}
