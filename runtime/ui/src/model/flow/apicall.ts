// The API call's parameters, as its form has them: one kind of authorization, headers in a list.
import type { Step } from "./document";
import { tidy } from "./edit";

export const AUTH_KINDS = ["none", "bearer", "basic", "api_key", "oauth2"] as const;
export type AuthKind = (typeof AUTH_KINDS)[number];

export const AUTH_NAMES: Record<AuthKind, string> = {
  none: "None",
  bearer: "Bearer token",
  basic: "User and password",
  api_key: "API key",
  oauth2: "OAuth2 client credentials",
};

export type AuthValues = Record<string, string>;

export function authOf(step: Step): { kind: AuthKind; values: AuthValues } {
  const auth = step["auth"] as Record<string, unknown> | undefined;
  const kind = AUTH_KINDS.find((it) => auth?.[it] !== undefined) ?? "none";
  const own = auth?.[kind];
  if (typeof own === "string") return { kind, values: { token: own } };
  return { kind, values: (own as AuthValues | undefined) ?? {} };
}

const BLANK: Record<AuthKind, AuthValues> = {
  none: {},
  bearer: { token: "" },
  basic: { user: "", password: "" },
  api_key: { header: "X-Api-Key", value: "" },
  oauth2: { token_url: "", client_id: "", client_secret: "" },
};

export function withAuth(step: Step, kind: AuthKind, values: AuthValues = BLANK[kind]): Step {
  if (kind === "none") return without(step, "auth");
  return { ...step, auth: { [kind]: kind === "bearer" ? (values["token"] ?? "") : tidy(values) } };
}

/** Only what a custom format may have. */
const CUSTOM_ONLY = ["content_type", "body", "success", "response"];

export function withFormat(step: Step, format: string): Step {
  if (format === "custom") return { ...step, format };
  const next = without(step, "format", ...CUSTOM_ONLY);
  return next["method"] === "GET" ? without(next, "method") : next;
}

export function without(step: Step, ...keys: string[]): Step {
  return Object.fromEntries(Object.entries(step).filter(([key]) => !keys.includes(key))) as Step;
}

/** Sets a parameter; an empty one is left out, so that its default counts. */
export function withValue(step: Step, key: string, value: unknown): Step {
  const isEmpty = value === undefined || value === "" || (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0);
  return isEmpty ? without(step, key) : { ...step, [key]: value };
}

export type Pair = [name: string, value: string];

export function pairsOf(value: unknown): Pair[] {
  return Object.entries((value as Record<string, unknown> | undefined) ?? {}).map(([name, it]) => [name, typeof it === "string" ? it : JSON.stringify(it)]);
}

/** What is wrong with a list of pairs: a name twice, a header that Onward sets itself. */
export function headerProblem(pairs: Pair[], name: string): string | undefined {
  const lower = name.trim().toLowerCase();
  if (lower === "") return undefined;
  if (lower.startsWith("webhook-") || lower === "host" || lower === "content-length") return "Onward sets this header itself.";
  if (lower === "content-type") return "The content type is set by the format.";
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) return "A header's name has no spaces or colons.";
  return pairs.filter(([it]) => it.trim().toLowerCase() === lower).length > 1 ? "This header is there twice." : undefined;
}

/** The pairs that have a name. Of two with the same one, the last counts. */
export function pairsTo(pairs: Pair[]): Record<string, string> | undefined {
  const named = pairs.filter(([name]) => name.trim() !== "").map(([name, value]): Pair => [name.trim(), value]);
  return named.length > 0 ? Object.fromEntries(named) : undefined;
}
