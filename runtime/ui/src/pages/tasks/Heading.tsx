// A column's heading: its name, and whether the table is sorted by it.
import { ArrowDown, ArrowUp } from "lucide-react";
import { type Column, isEnd } from "../../model/tasks/columns";
import type { Sort } from "../../model/tasks/view";
import styles from "./Grid.module.css";

interface HeadingProps {
  column: Column;
  index: number;
  sort: Sort | null;
  isActive: boolean;
  onPress: () => void;
}

export function Heading({ column, index, sort, isActive, onPress }: HeadingProps) {
  const own = sort?.by === column.name ? sort : null;
  return (
    <div
      role="columnheader"
      aria-colindex={index + 1}
      style={{ gridColumn: index + 1 }}
      aria-sort={own ? (own.descending ? "descending" : "ascending") : column.sortable ? "none" : undefined}
      className={`${styles.heading} ${column.sortable ? styles.sortable : ""} ${index === 0 ? styles.first : ""} ${isEnd(column) ? styles.end : ""}`}
      data-cell={`-1:${index}`}
      tabIndex={isActive ? 0 : -1}
      title={column.sortable ? `Sort by ${column.name}` : column.name}
      onClick={onPress}
    >
      <span className={styles.headingText}>{column.name}</span>
      {own && (own.descending ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
    </div>
  );
}
