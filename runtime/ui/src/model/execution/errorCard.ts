// What somebody is told whose action failed: where, by whom, in whose words, and what has happened already.
import type { Schemas } from "../../api/client";
import { type Attempt, type Step, fieldErrors, stepName, withoutTitle } from "../runs/chain";
import { type Call, readRecord, statusText } from "../runs/record";

type HistoryEntry = Pick<Schemas["HistoryEntry"], "cause" | "execution_id" | "changes">;

/** What the card says by its headline. */
const SENT = /^sent, no (complete )?answer: /;

/** What the card is made from; an `ExecutionDetail` is one. */
export interface Failed {
  id: string;
  state: string;
  errors?: string[];
  code?: string;
  attempts: Attempt[];
  steps?: Step[] | null;
}

export interface NamedStep {
  number: number;
  name: string;
}

export interface ErrorCard {
  /** `unknown`: it was sent, and nobody knows whether it took effect. */
  outcome: "failed" | "unknown" | "cancelled";
  /** What failed; null where no step had begun. */
  step: (NamedStep & { type: string | null; tries: number }) | null;
  /** Whom the step called, with the port. */
  host: string | null;
  /** What it answered, with its words: `402 Payment Required`. */
  status: string | null;
  /** The receiver's own words. */
  words: string | null;
  /** Onward's words, without the step's title. */
  messages: string[];
  /** The receiver has refused it in its own words: to those Onward's add nothing. */
  isRefusal: boolean;
  /** Stable, for a search in the documentation. */
  code: string | null;
  /** Fields of a patch that were refused, with why. */
  fields: [field: string, said: string[]][];
  /** Steps that were done before it, in order. */
  done: NamedStep[];
  /** What became of the changes of the steps before: there were none; they stay; they were taken back. */
  effect: "none" | "kept" | "reverted";
  /** Which fields those steps had changed. */
  changed: string[];
  /** Steps that did not run because of it. */
  left: NamedStep[];
}

/** The card of an execution that has ended without success; null of any other, and of one that somebody has closed. */
export function errorCard(failed: Failed, history: HistoryEntry[] = []): ErrorCard | null {
  const { state, attempts, code } = failed;
  if (state !== "failed" && state !== "unknown" && state !== "cancelled") return null;
  const attempt = attempts.findLast((it) => it.outcome !== "succeeded");
  const call = attempt ? lastCall(attempt) : undefined;
  const own = history.filter((it) => it.execution_id === failed.id);
  const changed = [...new Set(own.filter((it) => it.cause !== "reverted").flatMap((it) => Object.keys(it.changes)))];
  const wasReverted = own.at(-1)?.cause === "reverted";
  const done = doneSteps(attempts);
  const failedAt = attempt?.step.number ?? (done.at(-1)?.number ?? 0) + 1;
  const status = call?.response?.status ?? 0;
  const words = call?.response ? wordsOf(call.response.body) : null;
  return {
    outcome: state,
    step: attempt ? failedStep(attempt) : null,
    host: call ? hostOf(call.request.url) : null,
    status: status > 0 ? statusText(status) : null,
    words,
    isRefusal: state === "failed" && code === "http_status" && status >= 400 && words !== null,
    messages: (failed.errors ?? []).map((it) => withoutTitle(it).replace(SENT, "")),
    code: code ?? null,
    fields: fieldErrors(attempt?.field_errors),
    done,
    effect: wasReverted ? "reverted" : changed.length > 0 || (own.length === 0 && done.length > 0) ? "kept" : "none",
    changed,
    left: (failed.steps ?? [])
      .map((step, index) => ({ number: index + 1, name: stepName(step, index + 1) }))
      .filter((it) => it.number > failedAt || (!attempt && it.number === failedAt)),
  };
}

function failedStep(attempt: Attempt): ErrorCard["step"] {
  const { number, type } = attempt.step;
  const tries = attempt.earlier_tries.length + 1;
  return { number, name: stepName(attempt.step, number), type, tries };
}

/** Each step once, though it may have been tried several times. */
function doneSteps(attempts: Attempt[]): NamedStep[] {
  const done = new Map<number, NamedStep>();
  for (const { outcome, step } of attempts) {
    if (outcome === "succeeded") done.set(step.number, { number: step.number, name: stepName(step, step.number) });
  }
  return [...done.values()].sort((a, b) => a.number - b.number);
}

/** The call by which it failed: the last one that it made. */
function lastCall(attempt: Attempt): Call | undefined {
  return readRecord(attempt.record)?.calls.at(-1);
}

/** `billing.example:8080` of an address, which may hold what is redacted. */
export function hostOf(url: string): string | null {
  const rest = url.includes("://") ? url.slice(url.indexOf("://") + 3) : url;
  const authority = rest.split(/[/?#]/, 1)[0] ?? "";
  return authority.slice(authority.lastIndexOf("@") + 1) || null;
}

/** Characters of a receiver's words that are shown. */
const WORDS_CHARS_MAX = 600;

/** Where receivers write what they have to say. */
const KEYS = ["message", "error", "errors", "detail", "title", "error_description", "reason"];

/** What a body says to a person: the message of a JSON error, the text of a page, else the text itself. */
export function wordsOf(body: string): string | null {
  const text = body.trim();
  if (text === "") return null;
  return clean(said(parsed(text)) ?? (looksLikePage(text) ? textOfPage(text) : text));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function said(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(said).filter(Boolean).join("; ") || undefined;
  if (value === null || typeof value !== "object") return undefined;
  for (const key of KEYS) {
    const found = said((value as Record<string, unknown>)[key]);
    if (found) return found;
  }
  return undefined;
}

const looksLikePage = (text: string) => /^\s*<(!doctype|html|head|body)\b/i.test(text);

function textOfPage(page: string): string {
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(page)?.[1]?.trim();
  const body = page.replace(/<(script|style|head)\b[\s\S]*?<\/\1>/gi, " ").replace(/<[^>]*>/g, " ");
  return title || body;
}

function clean(text: string): string | null {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > WORDS_CHARS_MAX ? `${line.slice(0, WORDS_CHARS_MAX)}…` : line || null;
}
