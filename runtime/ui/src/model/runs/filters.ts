// Which executions are listed: kept in the page's address, asked of the API, and told in words.
import { STATES, STATE_IDS, STATUSES, type State, type Status, stateOf } from "./states";

/** Times that are counted back from now, by what the address calls them. */
export const WITHIN = {
  "1h": { name: "The last hour", ms: 3_600_000 },
  "24h": { name: "The last 24 hours", ms: 86_400_000 },
  "7d": { name: "The last 7 days", ms: 7 * 86_400_000 },
  "30d": { name: "The last 30 days", ms: 30 * 86_400_000 },
} as const;

export type Within = keyof typeof WITHIN;

export interface Filters {
  status?: Status;
  state?: State;
  action?: string;
  /** A task's Unique ID or id. */
  task?: string;
  within?: Within;
  /** RFC 3339. Only without `within`. */
  since?: string;
  until?: string;
}

/** Out of the address; what is not understood is left out. */
export function readFilters(from: URLSearchParams): Filters {
  const of = <T extends string>(name: string, known: readonly T[]): T | undefined => known.find((it) => it === from.get(name));
  const text = (name: string) => from.get(name)?.trim() || undefined;
  const instant = (name: string) => {
    const at = text(name);
    return at && !Number.isNaN(Date.parse(at)) ? new Date(at).toISOString() : undefined;
  };
  const state = of("state", STATE_IDS);
  const within = of("within", Object.keys(WITHIN) as Within[]);
  return defined({
    state,
    // A state says its status.
    status: state ? undefined : of("status", STATUSES),
    action: text("action"),
    task: text("task"),
    within,
    since: within ? undefined : instant("since"),
    until: within ? undefined : instant("until"),
  });
}

export function writeFilters(filters: Filters): URLSearchParams {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) if (value) out.set(name, String(value));
  return out;
}

/** Without what is not set. */
export function defined<T extends object>(values: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

export interface Query {
  status?: Status;
  state?: State;
  action?: string;
  task?: string;
  since?: string;
  until?: string;
}

/** What the list is asked. `now`: what a time that is counted back is counted from. */
export function listQuery({ within, ...rest }: Filters, now: number): Query {
  return within ? { ...rest, since: new Date(now - WITHIN[within].ms).toISOString() } : rest;
}

export interface BulkRetry {
  action?: string;
  state?: "failed" | "unknown";
  task?: string;
  since?: string;
  until?: string;
}

/** What "retry all that match" asks for; null where none that match can have failed. */
export function bulkRetry(filters: Filters, now: number): BulkRetry | null {
  const { status, state, ...rest } = listQuery(filters, now);
  if (status && status !== "Fail") return null;
  if (state === undefined) return rest;
  return state === "failed" || state === "unknown" ? { ...rest, state } : null;
}

/** The filters in words, for a sentence that begins with what is listed: `of “Finish”, of the last hour`. */
export function inWords(filters: Filters, actionName: (id: string) => string, instant: (at: string) => string): string[] {
  const words: string[] = [];
  if (filters.state) words.push(`in the state ${STATES[filters.state].name}`);
  else if (filters.status) words.push(`with the status ${filters.status}`);
  if (filters.action) words.push(`of the action ${actionName(filters.action)}`);
  if (filters.task) words.push(`of the task ${filters.task}`);
  if (filters.within) words.push(`of ${WITHIN[filters.within].name.toLowerCase()}`);
  if (filters.since) words.push(`since ${instant(filters.since)}`);
  if (filters.until) words.push(`before ${instant(filters.until)}`);
  return words;
}

/** The choices of states, with what they stand for in the filters. */
export function stateChoices(): { id: string; name: string; filters: Pick<Filters, "status" | "state"> }[] {
  const words: Record<Status, string> = { Pending: "Pending", Success: "Success", Fail: "Fail" };
  return [
    { id: "any", name: "Any", filters: {} },
    ...STATUSES.flatMap((status) => {
      const states = STATE_IDS.filter((state) => stateOf(state).status === status);
      // Where a status has one state alone, that is enough.
      const each = states.length > 1 ? states : [];
      return [
        { id: status, name: each.length > 0 ? `${words[status]} (all)` : words[status], filters: { status } },
        ...each.map((state) => ({ id: state, name: STATES[state].name, filters: { state } })),
      ];
    }),
  ];
}
