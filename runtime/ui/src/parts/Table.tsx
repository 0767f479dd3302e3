// Plain tables of a page's rows; what has thousands of rows has a table of its own.
import type { ReactNode } from "react";
import styles from "./Table.module.css";

export interface Column<Row> {
  id: string;
  name: string;
  cell: (row: Row) => ReactNode;
  /** Numbers and buttons stand at the end. */
  end?: boolean;
  /** Only screen readers hear its name: that of buttons, say. */
  hideName?: boolean;
  /** On a phone there is no room for it: what it says must stand elsewhere, or not matter. */
  wideOnly?: boolean;
}

const look = <Row,>({ end, wideOnly }: Column<Row>) => [end && styles.end, wideOnly && styles.wideOnly].filter(Boolean).join(" ") || undefined;

interface TableProps<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
}

export function Table<Row>({ label, columns, rows, rowKey }: TableProps<Row>) {
  return (
    <div className={styles.scroll} tabIndex={0} role="group" aria-label={label}>
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" className={look(column)}>
                {column.hideName ? <span className="unseen">{column.name}</span> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td key={column.id} className={look(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
