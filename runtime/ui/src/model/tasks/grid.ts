// The keyboard in a grid of cells: where a key leads.

export interface Cell {
  row: number;
  column: number;
}

export interface Size {
  rows: number;
  columns: number;
  /** Rows that are seen at once. */
  page: number;
}

interface Key {
  key: string;
  ctrlKey?: boolean;
  metaKey?: boolean;
}

/** Row -1 is the headings. Undefined where the key leads nowhere, so that it keeps its own meaning. */
export function moved({ row, column }: Cell, { key, ctrlKey, metaKey }: Key, { rows, columns, page }: Size): Cell | undefined {
  const to = (newRow: number, newColumn: number): Cell => ({
    row: Math.max(-1, Math.min(rows - 1, newRow)),
    column: Math.max(0, Math.min(columns - 1, newColumn)),
  });
  const far = ctrlKey || metaKey;
  switch (key) {
    case "ArrowUp":
      return to(far ? 0 : row - 1, column);
    case "ArrowDown":
      return to(far ? rows - 1 : row + 1, column);
    case "ArrowLeft":
      return to(row, far ? 0 : column - 1);
    case "ArrowRight":
      return to(row, far ? columns - 1 : column + 1);
    case "Home":
      return to(far ? 0 : row, 0);
    case "End":
      return to(far ? rows - 1 : row, columns - 1);
    case "PageUp":
      return to(Math.max(0, row - page), column);
    case "PageDown":
      return to(row + page, column);
    default:
      return undefined;
  }
}

/** Whether a key is a letter that somebody begins to type a value with. */
export function isTyped({ key, ctrlKey, metaKey, altKey }: Key & { altKey?: boolean }): boolean {
  return key.length === 1 && key !== " " && !ctrlKey && !metaKey && !altKey;
}
