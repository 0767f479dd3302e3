// Performing an action from a task's page: one click is one execution, which is followed to its end.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ApiError } from "../../api/client";
import type { ExecutionDetail } from "../../api/executions";
import { sayError } from "../../parts/Toasts";
import { followOn } from "./followOn";
import { type TaskAction, newKey, perform, taskExecutionQuery } from "../../api/tasks";

/** An action that is followed; where it leads may not be known any more. */
export type Performed = Pick<TaskAction, "id" | "name"> & Partial<Pick<TaskAction, "after" | "celebrate">>;

export interface Performing {
  /** What was begun here and has not ended. */
  own: { id: string; action: Performed } | null;
  /** The action whose performance is being asked for, or was refused. */
  asking: string | null;
  refused: { action: TaskAction; error: unknown } | null;
  start: (action: TaskAction) => void;
  /** Goes on with one that was begun before: after a Retry. */
  follow: (execution: string, action: Performed) => void;
  forget: () => void;
  /** Whether the page is still there, for what comes after an answer. */
  isHere: () => boolean;
}

export function usePerform(workflow: string, address: string, onSuccess: (action: Performed, execution: ExecutionDetail) => void): Performing {
  const queries = useQueryClient();
  const [own, setOwn] = useState<Performing["own"]>(null);
  const [asking, setAsking] = useState<string | null>(null);
  const [refused, setRefused] = useState<Performing["refused"]>(null);
  // A second click comes before the page is drawn anew; and what got no answer is asked again with its key.
  const isAsking = useRef(false);
  const keys = useRef(new Map<string, string>());

  // Who leaves the page is still told.
  const begun = useRef(own);
  begun.current = own;
  const isGone = useRef(false);
  useEffect(() => {
    isGone.current = false;
    return () => {
      isGone.current = true;
      if (begun.current) followOn(workflow, address, begun.current.id, begun.current.action.name);
    };
  }, [workflow, address]);

  const followed = useQuery({ ...taskExecutionQuery(workflow, address, own?.id ?? ""), enabled: own !== null });
  const ended = own && followed.data?.id === own.id && followed.data.status !== "Pending" ? followed.data : undefined;
  const latest = useRef(onSuccess);
  latest.current = onSuccess;
  useEffect(() => {
    if (!own || !ended) return;
    setOwn(null);
    void queries.invalidateQueries({ queryKey: ["workflow", workflow, "task", address] });
    if (ended.status === "Success") latest.current(own.action, ended);
  }, [own, ended, queries, workflow, address]);

  const start = async (action: TaskAction) => {
    if (isAsking.current) return;
    isAsking.current = true;
    setAsking(action.id);
    setRefused(null);
    const key = keys.current.get(action.id) ?? newKey();
    keys.current.set(action.id, key);
    try {
      const { id } = await perform(workflow, address, action.id, key);
      keys.current.delete(action.id);
      if (isGone.current) followOn(workflow, address, id, action.name);
      else setOwn({ id, action });
    } catch (error) {
      if (isGone.current) sayError(error);
      // Without an answer nobody knows whether it has begun: the next click is the same one.
      if (!(error instanceof ApiError && error.passes)) keys.current.delete(action.id);
      setRefused({ action, error });
    } finally {
      isAsking.current = false;
      setAsking(null);
      void queries.invalidateQueries({ queryKey: ["workflow", workflow, "task", address] });
    }
  };
  return {
    isHere: () => !isGone.current,
    own,
    asking,
    refused,
    start: (action) => void start(action),
    follow: (id, action) => {
      // What is known of it is from before.
      queries.removeQueries({ queryKey: taskExecutionQuery(workflow, address, id).queryKey });
      setOwn({ id, action });
    },
    forget: () => {
      // Whoever has closed it asks for another one with the next click.
      if (refused) keys.current.delete(refused.action.id);
      setRefused(null);
    },
  };
}
