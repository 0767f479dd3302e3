// The rows of the task table: pages of a list, fetched as one scrolls, and read anew when something has changed.
import { type InfiniteData, keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { type Asked, type TaskPage, readTasks } from "../../api/tasks";
import { onChange } from "../../api/queries";
import { type Task, addressOf } from "../../model/tasks/columns";

/** The first page is there soon; who scrolls on gets larger ones. */
const FIRST_PAGE = 100;
const NEXT_PAGE = 500;

/** Between two readings at least; and so many times as long as one takes, so that a busy server is not read all the time. */
const ANEW_MS_MIN = 400;
const ANEW_TIMES = 4;

interface Begin {
  cursor?: string;
  limit: number;
}

type Pages = InfiniteData<TaskPage>;

export const rowsKey = (workflow: string, asked: Asked) => ["workflow", workflow, "task-rows", asked] as const;

/** All rows of some pages, each once: a row that has moved in between may be on two of them. */
export function rowsOf(pages: Pages | undefined): Task[] {
  const seen = new Set<string>();
  return (pages?.pages ?? []).flatMap((page) =>
    page.rows.filter((task) => {
      const url = String(task["Task URL"]);
      return !seen.has(url) && seen.add(url);
    }),
  );
}

export function useRows(workflow: string, asked: Asked) {
  const queries = useQueryClient();
  const queryKey = rowsKey(workflow, asked);
  const list = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam: { cursor, limit }, signal }) => readTasks(workflow, asked, cursor, limit, signal),
    initialPageParam: { limit: FIRST_PAGE } as Begin,
    getNextPageParam: ({ next }): Begin | undefined => (next ? { cursor: next, limit: NEXT_PAGE } : undefined),
    placeholderData: keepPreviousData,
  });
  const rows = useMemo(() => rowsOf(list.data), [list.data]);
  useFresh(workflow, list);

  /** Shows a task as an answer has it, without waiting for the list. */
  const put = (task: Task, address = addressOf(task)) =>
    queries.setQueryData<Pages>(queryKey, (old) =>
      old && { ...old, pages: old.pages.map((page) => ({ ...page, rows: page.rows.map((it) => (addressOf(it) === address ? task : it)) })) },
    );
  return { list, rows, put };
}

/** Reads anew after changes: all that come while it waits or reads are one. */
function useFresh(workflow: string, list: { isFetching: boolean; refetch: (options: { cancelRefetch: boolean }) => Promise<unknown> }): void {
  const latest = useRef(list);
  latest.current = list;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isStale = false;
    let isReading = false;
    let pause = ANEW_MS_MIN;
    const later = () => {
      if (!isStale || isReading || timer) return;
      timer = setTimeout(() => void read(), pause);
    };
    const read = async () => {
      timer = undefined;
      // What is being read already was begun before the change: it is waited for, and read once more.
      isStale = latest.current.isFetching;
      isReading = true;
      const begun = performance.now();
      await latest.current.refetch({ cancelRefetch: false });
      pause = Math.max(ANEW_MS_MIN, (performance.now() - begun) * ANEW_TIMES);
      isReading = false;
      later();
    };
    const stop = onChange((change) => {
      if (change.kind !== "task" || change.workflow !== workflow) return;
      isStale = true;
      later();
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [workflow]);
}
