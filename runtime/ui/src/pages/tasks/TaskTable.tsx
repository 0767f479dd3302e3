// The table with its rows: while they are fetched, when there are none, and when they could not be fetched.
import { Inbox, SearchX } from "lucide-react";
import { useCallback, useMemo, useRef } from "react";
import { useNavigate } from "react-router";
import { ApiError } from "../../api/client";
import { useRights } from "../../api/session";
import { type Asked, writeTask } from "../../api/tasks";
import { taskAddress } from "../../model/addresses";
import { type Column, type Task, addressOf } from "../../model/tasks/columns";
import { DEFAULT_VIEW, type View, isNarrowed } from "../../model/tasks/view";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading, Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";
import type { StageColors } from "../../parts/task/CellValue";
import { Grid } from "./Grid";
import { usePeople } from "../../parts/task/people";
import { useRows } from "../../parts/task/rows";
import styles from "./TasksPage.module.css";

interface TaskTableProps {
  workflow: string;
  columns: Column[];
  asked: Asked;
  view: View;
  colors: StageColors;
  matching: number | undefined;
  total: number | undefined;
  onSort: (by: string) => void;
  onChange: (view: View) => void;
  onNew?: () => void;
}

export function TaskTable({ workflow, columns, asked, view, colors, matching, total, onSort, onChange, onNew }: TaskTableProps) {
  const navigate = useNavigate();
  const { edit } = useRights(workflow);
  const people = usePeople(workflow);
  const { list, rows, put } = useRows(workflow, asked);
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = list;
  // What is being read anew goes first, and may bring other cursors; one that was refused is not asked again until then.
  const isReady = !isFetching && !isFetchNextPageError;
  const more = useCallback(() => {
    if (isReady) void fetchNextPage();
  }, [isReady, fetchNextPage]);

  const latest = useRef(put);
  latest.current = put;
  const saving = useCallback(
    async (task: Task, column: Column, value: unknown) => {
      const address = addressOf(task);
      latest.current(await writeTask(workflow, address, { [column.name]: value }), address);
    },
    [workflow],
  );
  const context = useMemo(() => ({ workflow, people, colors, saving }), [workflow, people, colors, saving]);

  if (list.isPending) return <Loading what="The table" />;
  if (!list.data && list.error instanceof ApiError && list.error.code === "invalid_where") {
    return (
      <Empty icon={<SearchX aria-hidden />} title="The filter cannot be asked like that">
        {told(list.error).replace(/^test \d+: /, "")}
      </Empty>
    );
  }
  if (!list.data) return <Failed error={list.error} onRetry={() => void list.refetch()} />;
  return (
    <div className={`${styles.table} ${list.isPlaceholderData ? styles.old : ""}`}>
      {list.isError && (
        <Notice kind="warn" title="The list could not be read anew" action={<Button small onPress={() => void list.refetch()}>Try again</Button>}>
          {told(list.error)}
        </Notice>
      )}
      {rows.length === 0 ? (
        <NoTasks view={view} total={total} onChange={onChange} {...(onNew && { onNew })} />
      ) : (
        <Grid
          columns={columns}
          rows={rows}
          total={matching ?? rows.length}
          hasMore={hasNextPage}
          onMore={more}
          sort={view.sort}
          onSort={onSort}
          onOpen={(task) => navigate(taskAddress(workflow, addressOf(task)))}
          canEdit={edit}
          context={context}
        />
      )}
    </div>
  );
}

function NoTasks({ view, total, onChange, onNew }: { view: View; total: number | undefined; onChange: (view: View) => void; onNew?: () => void }) {
  if (total === 0) {
    return (
      <Empty icon={<Inbox aria-hidden />} title="No tasks yet" action={onNew && <Button look="primary" onPress={onNew}>New task</Button>}>
        {onNew ? "Make the first one here, or let an application send them to the API." : "As soon as there are some, they are here."}
      </Empty>
    );
  }
  if (isNarrowed(view)) {
    return (
      <Empty icon={<SearchX aria-hidden />} title="No task is like that" action={<Button onPress={() => onChange({ ...DEFAULT_VIEW, stage: view.stage, sort: view.sort })}>Clear search and filters</Button>}>
        Nothing matches all of what is asked.
      </Empty>
    );
  }
  return (
    <Empty icon={<Inbox aria-hidden />} title="Nothing here" action={view.stage.kind !== "all" && <Button onPress={() => onChange({ ...view, stage: { kind: "all" } })}>Show all tasks</Button>}>
      No task is in this stage.
    </Empty>
  );
}
