// A workflow's tasks: by stages and assignees at the side, in a table that is filtered, sorted, searched and written into.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { ApiError } from "../../api/client";
import { fieldsQuery, stagesQuery } from "../../api/queries";
import { useRights } from "../../api/session";
import { type Asked, countsOf } from "../../api/tasks";
import { taskAddress } from "../../model/addresses";
import { type Field, addressOf, columnsOf, readHidden, visible, writeHidden } from "../../model/tasks/columns";
import { refusals } from "../../model/tasks/filters";
import { countsQuery, listQuery, nextSort } from "../../model/tasks/view";
import { useTitle } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";
import { Chips } from "./Chips";
import { Facets } from "./Facets";
import { FilterPanel } from "./FilterPanel";
import { NewTask } from "./NewTask";
import styles from "./TasksPage.module.css";
import { Toolbar } from "./Toolbar";
import { TaskTable } from "./TaskTable";
import { useView } from "../../parts/task/useView";

export function Component() {
  const { workflow = "" } = useParams();
  const fields = useQuery(fieldsQuery(workflow));
  useTitle("Tasks");
  // Of another workflow everything begins anew, what is hidden and half typed, too.
  if (fields.data) return <Tasks key={workflow} workflow={workflow} fields={fields.data} />;
  return (
    <main id="main">
      {fields.isPending ? <Loading what="The workflow" /> : <Failed error={fields.error} onRetry={() => void fields.refetch()} />}
    </main>
  );
}

const NONE_REFUSED = new Map<number, string>();

function Tasks({ workflow, fields }: { workflow: string; fields: Field[] }) {
  const navigate = useNavigate();
  const { edit } = useRights(workflow);
  const [view, change] = useView(workflow);
  const [hidden, setHidden] = useState(() => readHidden(localStorage, workflow));
  const [isFiltering, setFiltering] = useState(false);
  const [isMaking, setMaking] = useState(false);
  const columns = useMemo(() => columnsOf(fields), [fields]);
  const seen = useMemo(() => visible(columns, hidden), [columns, hidden]);

  const stages = useQuery(stagesQuery(workflow)).data;
  const counted = useQuery({ ...countsOf(workflow, countsQuery(view, columns, stages ?? [])), enabled: stages !== undefined, placeholderData: keepPreviousData });
  const asked: Asked = useMemo(() => listQuery(view, columns), [view, columns]);
  const colors = useMemo(() => new Map((stages ?? []).map((it) => [it.name, it.color])), [stages]);

  const refused = counted.error instanceof ApiError && counted.error.code === "invalid_where" ? refusals(counted.error.sentences) : NONE_REFUSED;

  const hide = (names: string[]) => {
    setHidden(names);
    writeHidden(localStorage, workflow, names);
  };
  return (
    <main id="main" className={styles.page}>
      <h1 className="unseen">Tasks</h1>
      <Toolbar
        view={view}
        onChange={change}
        columns={columns}
        hidden={hidden}
        onHide={hide}
        matching={counted.data?.matching}
        total={counted.data?.total}
        isFiltering={isFiltering}
        onFilter={() => setFiltering(!isFiltering)}
        {...(edit && { onNew: () => setMaking(true) })}
      />
      {isFiltering ? (
        <FilterPanel workflow={workflow} columns={columns} stages={stages ?? []} tests={view.tests} refused={refused} onChange={(tests) => change({ ...view, tests })} />
      ) : (
        <Chips workflow={workflow} columns={columns} tests={view.tests} onChange={(tests) => change({ ...view, tests })} />
      )}
      <div className={styles.body}>
        <Facets view={view} onChange={change} stages={stages ?? []} counted={counted.data} error={counted.error} onRetry={() => void counted.refetch()} />
        <TaskTable
          workflow={workflow}
          columns={seen}
          asked={asked}
          view={view}
          colors={colors}
          matching={counted.data?.matching}
          total={counted.data?.total}
          onSort={(by) => change({ ...view, sort: nextSort(view.sort, by) })}
          onChange={change}
          {...(edit && { onNew: () => setMaking(true) })}
        />
      </div>
      {isMaking && (
        <NewTask
          workflow={workflow}
          fields={fields}
          stages={stages ?? []}
          onClose={() => setMaking(false)}
          onMade={(task) => navigate(taskAddress(workflow, addressOf(task)))}
        />
      )}
    </main>
  );
}
