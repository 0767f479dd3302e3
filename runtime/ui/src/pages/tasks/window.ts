// The part of the table that is there: rows and columns that are seen, and the way to a cell that is not.
import { type Range, defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useCallback, useEffect } from "react";
import { type Column, type Task, urlOf } from "../../model/tasks/columns";
import type { Cell } from "../../model/tasks/grid";

export const ROW_HEIGHT = 42;

/** How often a cell that is scrolled to is looked for, once for each time that the page is drawn. */
const LOOKS_MAX = 10;

type Scroller = RefObject<HTMLDivElement | null>;
type Window = ReturnType<typeof useWindow>;

/** `written`: the row that is written into, which stays although it is scrolled away; -1 where there is none. */
export function useWindow(scroller: Scroller, columns: Column[], rows: Task[], count: number, written: number) {
  const virtual = useVirtualizer({
    count,
    // A row is its task, wherever it stands.
    getItemKey: useCallback((index: number) => (rows[index] ? urlOf(rows[index]) : index), [rows]),
    rangeExtractor: useCallback((range: Range) => withPinned(defaultRangeExtractor(range), written), [written]),
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 6,
    // Below the sticky headings.
    scrollPaddingStart: ROW_HEIGHT,
  });
  // Of many columns, too, only those are there that are seen, and the first one, which stays.
  const across = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => columns[index]!.width,
    getItemKey: (index) => columns[index]!.name,
    overscan: 1,
    scrollPaddingStart: columns[0]?.width ?? 0,
  });
  useEffect(() => across.measure(), [across, columns]);
  return { virtual, across };
}

/** Gives a cell the keyboard, wherever it is. */
export function useFocus(scroller: Scroller, virtual: Window["virtual"], across: Window["across"], activate: (cell: Cell) => void) {
  return useCallback(
    (cell: Cell) => {
      activate(cell);
      if (cell.row >= 0) virtual.scrollToIndex(cell.row);
      if (cell.column > 0) across.scrollToIndex(cell.column);
      const find = () => scroller.current?.querySelector<HTMLElement>(`[data-cell="${cell.row}:${cell.column}"]`);
      // What is scrolled to is there a moment later; until then the grid itself hears the keys.
      if (!find()) scroller.current?.focus({ preventScroll: true });
      const look = (left: number) => {
        const found = find();
        if (found) {
          found.focus({ preventScroll: true });
          found.scrollIntoView({ block: "nearest", inline: "nearest" });
        } else if (left > 0) requestAnimationFrame(() => look(left - 1));
      };
      requestAnimationFrame(() => look(LOOKS_MAX));
    },
    [scroller, virtual, across, activate],
  );
}

/** The indices of rows that are there, in order, with one more. */
function withPinned(indices: number[], pinned: number): number[] {
  return pinned < 0 || indices.includes(pinned) ? indices : [...indices, pinned].sort((a, b) => a - b);
}
