// Checking, keeping and saving what is edited: the server's word on it, the draft in the browser, and who else has saved.
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { type DefinitionProblem, type Finding, type Stranded, type Validation, definitionQuery, saveDocument, validateDocument } from "../../api/definitions";
import { ApiError } from "../../api/client";
import { type FlowDocument, same, settle } from "../../model/flow/document";
import { dropDraft, keepDraft } from "../../model/flow/draft";
import { type Placed, type Problem, located, strandedWords } from "../../model/flow/problems";
import { say, sayError } from "../../parts/Toasts";
import type { useBuilderState } from "./state";

/** After the last edit, until the server is asked. */
const CHECK_MS = 400;

type Held = ReturnType<typeof useBuilderState>;

const asProblem = (it: DefinitionProblem): Problem => ({ path: it.path ?? null, message: it.message, help: it.help, level: "problem" });
const asFinding = (it: Finding): Problem => ({ path: it.path ?? null, message: it.reason, help: it.remedy, level: "finding" });
const asStranded = (document: FlowDocument, it: Stranded): Problem => {
  const index = (document.stages ?? []).findIndex((stage) => stage.id === it.id);
  const field = (document.fields ?? []).findIndex((one) => one.id === it.id);
  const path = it.code.includes("stage") ? (index >= 0 ? `/stages/${index}` : "") : field >= 0 ? `/fields/${field}` : "";
  return { path, message: strandedWords(it), level: "problem" };
};

/** What the server says of the document, a moment after each edit. */
export function useValidation(workflow: string, document: FlowDocument, isAsked: boolean) {
  const [found, setFound] = useState<{ document: FlowDocument; validation: Validation }>();
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (!isAsked) return;
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        setFound({ document, validation: await validateDocument(workflow, document, abort.signal) });
      } catch (error) {
        // Until the server is there again, what it said last stands; a refusal of the request itself is told on saving.
        if (!abort.signal.aborted && error instanceof ApiError && error.passes) setTimeout(() => setTries((it) => it + 1), 3000);
      }
    }, CHECK_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [workflow, document, isAsked, tries]);
  const problems = useMemo((): Placed[] => {
    if (!found) return [];
    const { validation } = found;
    const all = [...validation.problems.map(asProblem), ...validation.stranded.map((it) => asStranded(found.document, it)), ...validation.findings.map(asFinding)];
    // Places are those of the document that was looked at, which edits since may have moved.
    return located(found.document, all);
  }, [found]);
  const isChecked = useMemo(() => found !== undefined && same(found.document, document), [found, document]);
  return { problems, isChecked };
}

/** Keeps what is edited in the browser, and lets go of it once it is saved. `isLost`: the browser does not take it. */
export function useDraft(key: string, held: Held, isKept: boolean) {
  const { saved, document } = held;
  const { open, typed } = held.step ?? {};
  const [isLost, setLost] = useState(false);
  const keep = useCallback(() => {
    const step = open && typed && { open, step: typed };
    return !isKept || keepDraft(localStorage, key, { version: saved.version, base: saved.document, document, step, at: new Date().toISOString() });
  }, [key, saved, document, open, typed, isKept]);
  // At once, not a moment later: whoever closes the page right after an edit has it, too.
  useEffect(() => setLost(!keep()), [keep]);
  // Another tab may have kept or thrown away its own since: whoever leaves last is who comes back to theirs.
  useEffect(() => {
    window.addEventListener("pagehide", keep);
    return () => window.removeEventListener("pagehide", keep);
  }, [keep]);
  return { isLost, keep };
}

export interface Refusal {
  message: string;
  stranded: Stranded[];
  problems: Placed[];
}

export function useSaving(workflow: string, draft: string, held: Held, onConflict: () => void) {
  const queries = useQueryClient();
  const [isSaving, setSaving] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const latest = useRef({ held, onConflict });
  latest.current = { held, onConflict };
  const isUnderWay = useRef(false);

  const save = useCallback(async (over?: number): Promise<boolean> => {
    // A second save would be refused for the version that the first one makes. What was edited since stays to be saved.
    if (isUnderWay.current) return false;
    const { saved, document: sent, dispatch, theirs: known } = latest.current.held;
    if (known && over === undefined) {
      latest.current.onConflict();
      return false;
    }
    const { document, became } = settle(sent, saved.document);
    isUnderWay.current = true;
    setSaving(true);
    try {
      const definition = await saveDocument(workflow, over ?? saved.version, document);
      // Before the page goes on: what was edited since is a draft anew.
      dropDraft(localStorage, draft);
      // At once: a save right after this one is to begin with the new version.
      flushSync(() => dispatch({ do: "saved", saved: { version: definition.version, document: definition.document }, became, sent }));
      queries.setQueryData(definitionQuery(workflow).queryKey, definition);
      void queries.invalidateQueries({ queryKey: ["workflows"] });
      void queries.invalidateQueries({ queryKey: ["workflow", workflow], predicate: (query) => query.queryKey[2] !== "definition" });
      setRefusal(undefined);
      say(`Saved as version ${definition.version}.`);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.code === "version_conflict") {
        const theirs = await queries.fetchQuery({ ...definitionQuery(workflow), staleTime: 0 }).catch(() => undefined);
        if (theirs && theirs.version !== saved.version) {
          dispatch({ do: "theirs", saved: { version: theirs.version, document: theirs.document }, isCurrent: true });
          latest.current.onConflict();
        } else sayError(error);
      } else if (error instanceof ApiError && (error.body["problems"] || error.body["stranded"])) {
        const problems = located(document, ((error.body["problems"] as DefinitionProblem[] | undefined) ?? []).map(asProblem));
        setRefusal({ message: error.message, stranded: (error.body["stranded"] as Stranded[] | undefined) ?? [], problems });
      } else sayError(error);
      return false;
    } finally {
      isUnderWay.current = false;
      setSaving(false);
    }
  }, [workflow, draft, queries]);
  return { save, isSaving, refusal, forget: () => setRefusal(undefined) };
}
