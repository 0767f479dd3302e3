// Where in a text a problem stands: the server counts bytes, a text area UTF-16 units.

export interface Span {
  start: number;
  end: number;
}

/** The part of `text` that these bytes of it are, as a text area selects it. A span behind the end is the end. */
export function selection(text: string, span: Span): Span {
  let bytes = 0;
  let units = 0;
  let start: number | undefined;
  for (const character of text) {
    if (start === undefined && bytes >= span.start) start = units;
    if (bytes >= span.end) break;
    bytes += bytesOf(character.codePointAt(0)!);
    units += character.length;
  }
  return { start: start ?? units, end: Math.max(units, start ?? units) };
}

/** How many bytes a character has in UTF-8. */
function bytesOf(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

/** A whole line, counted from 1, as a text area selects it. */
export function lineSelection(text: string, line: number): Span {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1);
  const start = Math.min(
    text.length,
    before.reduce((sum, it) => sum + it.length + 1, 0),
  );
  return { start, end: start + (lines[line - 1]?.length ?? 0) };
}
