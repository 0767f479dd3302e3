// One row of the task table.
import { memo, useRef } from "react";
import { Link } from "react-router";
import { taskAddress } from "../../model/addresses";
import { type Column, type Task, addressOf, isEnd, titleOf, urlOf } from "../../model/tasks/columns";
import { CellEditor, type Saving } from "./CellEditor";
import { CellValue, type StageColors } from "../../parts/task/CellValue";
import styles from "./Grid.module.css";
import type { People } from "../../parts/task/people";

export interface RowContext {
  workflow: string;
  people: People;
  colors: StageColors;
  saving: Saving;
  /** Ends writing; with `refocus` the cell is where the keyboard is afterwards. */
  onDone: (refocus: boolean) => void;
}

interface GridRowProps {
  index: number;
  start: number;
  /** None while it is fetched. */
  task: Task | undefined;
  columns: Column[];
  /** Which of them are there: those that are seen. */
  shown: number[];
  template: string;
  /** -1: none of its cells. */
  activeColumn: number;
  editingColumn: number;
  typed: string | undefined;
  canEdit: boolean;
  context: RowContext;
  onActivate: (column: number, isAgain: boolean) => void;
}

function Row({ index, start, task, columns, shown, template, activeColumn, editingColumn, typed, canEdit, context, onActivate }: GridRowProps) {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={`${styles.row} ${styles.bodyRow} ${editingColumn >= 0 ? styles.raised : ""}`}
      style={{ gridTemplateColumns: template, transform: `translateY(${start}px)` }}
    >
      {shown.map((at) => {
        const column = columns[at]!;
        const isActive = activeColumn === at;
        return (
          <div
            key={column.name}
            role="gridcell"
            aria-colindex={at + 1}
            aria-readonly={!(canEdit && column.editable)}
            className={`${styles.cell} ${at === 0 ? styles.first : ""} ${isEnd(column) ? styles.end : ""} ${canEdit && column.editable ? styles.editable : ""} ${editingColumn === at ? styles.writing : ""}`}
            data-cell={`${index}:${at}`}
            tabIndex={isActive ? 0 : -1}
            style={{ gridColumn: at + 1 }}
            onClick={(event) => {
              if ((event.target as HTMLElement).closest("a, [data-editor]")) return;
              // One click goes there, another one begins to write.
              onActivate(at, isActive || event.detail > 1);
            }}
          >
            {task ? (
              editingColumn === at ? (
                <>
                  {/* What is chosen beside the cell leaves its value to be seen. */}
                  <Shown task={task} column={column} isTitle={false} canEdit={canEdit} context={context} />
                  <EditedCell key={urlOf(task)} task={task} column={column} typed={typed} context={context} />
                </>
              ) : (
                <Shown task={task} column={column} isTitle={at === 0} canEdit={canEdit} context={context} />
              )
            ) : (
              <span className={styles.skeleton} aria-label="Loading" />
            )}
          </div>
        );
      })}
    </div>
  );
}

export const GridRow = memo(
  Row,
  (a, b) =>
    a.task === b.task &&
    a.start === b.start &&
    a.index === b.index &&
    a.columns === b.columns &&
    a.shown === b.shown &&
    a.activeColumn === b.activeColumn &&
    a.editingColumn === b.editingColumn &&
    a.canEdit === b.canEdit &&
    a.context.people === b.context.people &&
    a.context.colors === b.context.colors,
);

interface CellProps {
  task: Task;
  column: Column;
  context: RowContext;
}

function Shown({ task, column, isTitle, canEdit, context }: CellProps & { isTitle: boolean; canEdit: boolean }) {
  const value = <CellValue kind={column.kind} value={task[column.name]} names={context.people.names} colors={context.colors} editable={canEdit && column.editable} />;
  if (!isTitle) return value;
  return (
    <Link className={styles.title!} to={taskAddress(context.workflow, addressOf(task))} tabIndex={-1}>
      {titleOf(task, column.field ? [column.field] : [])}
    </Link>
  );
}

function EditedCell({ task, column, typed, context }: CellProps & { typed: string | undefined }) {
  const anchor = useRef<HTMLDivElement>(null);
  return (
    <div ref={anchor} className={styles.edited} data-editor>
      <CellEditor anchor={anchor} task={task} column={column} typed={typed} people={context.people} saving={context.saving} onDone={context.onDone} />
    </div>
  );
}
