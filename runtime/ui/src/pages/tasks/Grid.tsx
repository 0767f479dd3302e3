// The table of tasks: a grid of cells that is walked through by keyboard, of which only the rows are there that are seen.
import { type KeyboardEvent, useCallback, useEffect, useId, useMemo, useRef, useState } from "react";
import { type Column, type Task, urlOf } from "../../model/tasks/columns";
import { type Cell, isTyped, moved } from "../../model/tasks/grid";
import type { Sort } from "../../model/tasks/view";
import styles from "./Grid.module.css";
import { GridRow, type RowContext } from "./GridRow";
import { Heading } from "./Heading";
import { ROW_HEIGHT, useFocus, useWindow } from "./window";

interface GridProps {
  columns: Column[];
  rows: Task[];
  /** How many there are, those that are not fetched yet, too. */
  total: number;
  hasMore: boolean;
  onMore: () => void;
  sort: Sort | null;
  onSort: (by: string) => void;
  onOpen: (task: Task) => void;
  /** Whether somebody may write at all. */
  canEdit: boolean;
  context: Omit<RowContext, "onDone">;
}

/** What is being written: a cell of a task, in whichever row it is by now, and the letter by which it was begun. */
interface Editing {
  url: string;
  column: number;
  typed?: string;
}

export function Grid({ columns, rows, total, hasMore, onMore, sort, onSort, onOpen, canEdit, context }: GridProps) {
  const help = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Cell>({ row: 0, column: 0 });
  const [editing, setEditing] = useState<Editing | null>(null);
  const count = hasMore ? Math.max(rows.length, total) : rows.length;
  const written = editing ? rows.findIndex((it) => urlOf(it) === editing.url) : -1;
  const { virtual, across } = useWindow(scroller, columns, rows, count, written);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows.length - 1) onMore();
  }, [hasMore, last, rows.length, onMore]);

  const template = useMemo(() => columns.map(trackOf).join(" "), [columns]);
  const width = columns.reduce((sum, it) => sum + it.width, 0);

  // A list that has become shorter has its last cell where the active one was.
  const row = Math.min(active.row, count - 1);
  const column = Math.min(active.column, columns.length - 1);
  const seen = [...new Set([0, column, editing?.column ?? 0, ...across.getVirtualItems().map((it) => it.index)])].filter((it) => it < columns.length).sort((a, b) => a - b).join();
  const shown = useMemo(() => seen.split(",").map(Number), [seen]);
  const isShown = row < 0 || items.some((it) => it.index === row);

  const focus = useFocus(scroller, virtual, across, setActive);
  const begin = (at: Cell, typed?: string) => {
    const its = columns[at.column];
    const task = rows[at.row];
    if (!canEdit || !its?.editable || !task) return false;
    setEditing({ url: urlOf(task), column: at.column, ...(typed !== undefined && { typed }) });
    return true;
  };
  const latest = useRef<Cell | null>(null);
  latest.current = editing && (written >= 0 ? { row: written, column: editing.column } : { row, column });
  const done = useCallback(
    (refocus: boolean) => {
      const edited = latest.current;
      // Who has gone to another cell meanwhile stays there.
      const now = document.activeElement?.closest("[data-cell]")?.getAttribute("data-cell");
      const isElsewhere = edited && now && now !== `${edited.row}:${edited.column}`;
      if (refocus && edited && !isElsewhere) focus(edited);
      setEditing(null);
    },
    [focus],
  );
  // Its task has left the list: the editor, which is gone with it, has told what it held.
  const isLost = editing !== null && written < 0;
  useEffect(() => {
    if (isLost) done(document.activeElement === document.body);
  }, [isLost, done]);

  const keyed = (event: KeyboardEvent) => {
    // An editor has its keys for itself; what is being saved beside it keeps nobody from going on.
    if (editing && (event.key === "Escape" || (event.target as HTMLElement).closest("[data-editor]"))) {
      if (event.key === "Escape") done(true);
      return;
    }
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2);
    const to = moved({ row, column }, event, { rows: count, columns: columns.length, page });
    if (to) {
      event.preventDefault();
      focus(to);
    } else if (event.key === "Enter" || event.key === " " || event.key === "F2") {
      event.preventDefault();
      press(event.key);
    } else if (row >= 0 && isTyped(event) && isWritten(columns[column]!) && begin({ row, column }, event.key)) {
      event.preventDefault();
    }
  };
  const press = (key: string) => {
    const its = columns[column]!;
    const task = rows[row];
    if (row < 0) {
      if (its.sortable) onSort(its.name);
    } else if (task) {
      const opens = key === "Enter" && (column === 0 || !its.editable || !canEdit);
      if (opens) onOpen(task);
      else begin({ row, column });
    }
  };

  const whole: RowContext = { ...context, onDone: done };
  return (
    <div
      ref={scroller}
      className={styles.grid}
      role="grid"
      aria-label="Tasks"
      aria-describedby={help}
      aria-rowcount={count + 1}
      aria-colcount={columns.length}
      // Where the active cell is scrolled away the grid itself is what one comes to.
      tabIndex={isShown ? -1 : 0}
      onFocus={(event) => event.target === event.currentTarget && !isShown && focus({ row, column })}
      onKeyDown={keyed}
    >
      <span id={help} className="unseen">
        Arrow keys lead from cell to cell. Enter opens the task or {canEdit ? "writes into the cell; F2 writes, too" : "sorts by a heading"}.
      </span>
      <div role="rowgroup" className={styles.head} style={{ minWidth: width }}>
        <div role="row" aria-rowindex={1} className={styles.row} style={{ gridTemplateColumns: template }}>
          {shown.map((index) => (
            <Heading
              key={columns[index]!.name}
              column={columns[index]!}
              index={index}
              sort={sort}
              isActive={row === -1 && column === index}
              onPress={() => {
                setActive({ row: -1, column: index });
                if (columns[index]!.sortable) onSort(columns[index]!.name);
              }}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize(), minWidth: width }}>
        {items.map((item) => (
          <GridRow
            key={item.key}
            index={item.index}
            start={item.start}
            task={rows[item.index]}
            columns={columns}
            shown={shown}
            template={template}
            activeColumn={item.index === row ? column : -1}
            editingColumn={editing && written === item.index ? editing.column : -1}
            typed={editing && written === item.index ? editing.typed : undefined}
            canEdit={canEdit}
            context={whole}
            onActivate={(at, isAgain) => {
              setActive({ row: item.index, column: at });
              const its = columns[at]!;
              const opensAtOnce = its.kind === "assignee";
              if (isAgain || opensAtOnce) begin({ row: item.index, column: at });
            }}
          />
        ))}
      </div>
    </div>
  );
}

/** A column's track: the first one leaves room for others on a phone, the last one takes what is left. */
function trackOf({ width }: Column, index: number, all: Column[]): string {
  if (index === 0) return `min(${width}px, 42vw)`;
  return index === all.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`;
}

/** Whether a letter begins to write into it. */
const isWritten = ({ kind }: Column) => !["checkbox", "singleSelect", "multipleSelect", "person", "assignee", "file", "longText", "date", "datetime"].includes(kind);
