// A workflow's executions, newest first, with filters that stand in the address.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Zap } from "lucide-react";
import { useCallback, useMemo } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { ApiError } from "../../api/client";
import type { ExecutionItem } from "../../api/executions";
import { executionsQuery } from "../../api/executions";
import { useMayPerformAny } from "../../api/session";
import { executionAddress } from "../../model/addresses";
import { type Filters, bulkRetry, inWords, readFilters, writeFilters } from "../../model/runs/filters";
import { stateOf } from "../../model/runs/states";
import { fullName } from "../../model/people/person";
import { instant } from "../../model/times";
import { Button } from "../../parts/Button";
import { Badge } from "../../parts/Marks";
import { Page } from "../../parts/Page";
import { Empty, Failed, Loading } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { Ago, Took } from "../../parts/Time";
import styles from "./Executions.module.css";
import { FilterBar } from "./FilterBar";
import { useActions } from "./names";
import { RetryAll } from "./RetryAll";
import { TaskLink } from "./TaskLink";

export function Component() {
  const { workflow = "" } = useParams();
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => readFilters(parameters), [parameters]);
  const change = useCallback((to: Filters) => setParameters(writeFilters(to), { replace: true }), [setParameters]);
  const list = useInfiniteQuery(executionsQuery(workflow, filters));
  const items = useMemo(() => list.data?.pages.flatMap((it) => it.items) ?? [], [list.data]);
  const actions = useActions(workflow, useMemo(() => items.map((it) => it.action), [items]));
  const actionName = (id: string) => actions.find((it) => it.id === id)?.name ?? id;
  const mayRetry = useMayPerformAny(workflow);
  const isRetryable = mayRetry && bulkRetry(filters, 0) !== null;
  const asked = () => bulkRetry(filters, Date.now()) ?? {};
  // That they failed stands in the sentence already.
  const { status: _, ...which } = filters;
  return (
    <main id="main">
      <Page title="Executions" actions={isRetryable && <RetryAll workflow={workflow} asked={asked} words={inWords(which, actionName, instant)} />}>
        <FilterBar filters={filters} actions={actions} onChange={change} />
        {list.data ? (
          <>
            {items.length > 0 ? <List workflow={workflow} items={items} /> : <NoneFound isFiltered={Object.keys(filters).length > 0} hasMore={list.hasNextPage} onClear={() => change({})} />}
            <More list={list} shown={items.length} />
          </>
        ) : list.isPending ? (
          <Loading what="The list" />
        ) : list.error instanceof ApiError && list.error.code === "task_not_found" ? (
          <Empty icon={<Zap aria-hidden />} title={`There is no task ${filters.task}`}>
            Tasks are found by their whole Unique ID, or by their id.
          </Empty>
        ) : (
          <Failed error={list.error} onRetry={() => void list.refetch()} />
        )}
      </Page>
    </main>
  );
}

function NoneFound({ isFiltered, hasMore, onClear }: { isFiltered: boolean; hasMore: boolean; onClear: () => void }) {
  if (hasMore) return <p className={styles.quiet}>None of the newest match. There are older ones.</p>;
  if (!isFiltered) {
    return (
      <Empty icon={<Zap aria-hidden />} title="No executions yet">
        Whenever somebody performs an action on a task, what its steps do is kept here.
      </Empty>
    );
  }
  return (
    <Empty icon={<Zap aria-hidden />} title="No executions match" action={<Button onPress={onClear}>Clear filters</Button>}>
      None of this workflow's executions fit all the filters.
    </Empty>
  );
}

function More({ list, shown }: { list: Pick<ReturnType<typeof useInfiniteQuery>, "hasNextPage" | "fetchNextPage" | "isFetchingNextPage" | "isFetchNextPageError">; shown: number }) {
  if (!list.hasNextPage) return shown > 20 ? <p className={styles.end}>These are all {shown}.</p> : null;
  return (
    <div className={styles.end}>
      <Button onPress={() => void list.fetchNextPage()} isPending={list.isFetchingNextPage}>
        {list.isFetchNextPageError ? "Try again to load more" : "Load more"}
      </Button>
    </div>
  );
}

function List({ workflow, items }: { workflow: string; items: ExecutionItem[] }) {
  const columns: Column<ExecutionItem>[] = [
    {
      id: "state",
      name: "State",
      cell: ({ state }) => <Badge tone={stateOf(state).tone}>{stateOf(state).name}</Badge>,
    },
    {
      id: "action",
      name: "Action",
      cell: ({ id, action, errors, created_at, ...it }) => (
        <div className={styles.what}>
          <Link to={executionAddress(workflow, id)} className={styles.action}>
            {action.name ?? action.id}
          </Link>
          {errors?.[0] && (
            <span className={styles.error} title={errors[0]}>
              {errors[0]}
            </span>
          )}
          <span className={styles.narrow}>
            <TaskLink workflow={workflow} execution={it} /> <Ago at={created_at} />
          </span>
        </div>
      ),
    },
    {
      id: "task",
      name: "Task",
      wideOnly: true,
      cell: (execution) => (
        <span className={styles.task}>
          <TaskLink workflow={workflow} execution={execution} />
        </span>
      ),
    },
    { id: "by", name: "Performed by", wideOnly: true, cell: ({ performed_by }) => fullName(performed_by) },
    { id: "at", name: "Performed", wideOnly: true, cell: ({ created_at }) => <span className={styles.time}><Ago at={created_at} /></span> },
    {
      id: "took",
      name: "Took",
      end: true,
      wideOnly: true,
      cell: ({ state, created_at, updated_at }) => (
        <span className={styles.time}>
          <Took from={created_at} to={stateOf(state).status === "Pending" ? null : updated_at} />
        </span>
      ),
    },
  ];
  return <Table label="Executions" columns={columns} rows={items} rowKey={(it) => it.id} />;
}
