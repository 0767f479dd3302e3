// JSON with line breaks, as it was written: numbers keep their digits (`10000.00`), keys their order, and what is no JSON stays as it is.

const STEP = "  ";

/** Bodies that are longer are shown as they came. */
const CHARACTERS_MAX = 200_000;

/** The text set out over lines; null where it is not one whole JSON document. */
export function prettyJson(text: string): string | null {
  const trimmed = text.trim();
  if (!/^[[{]/.test(trimmed) || trimmed.length > CHARACTERS_MAX) return null;
  try {
    JSON.parse(trimmed);
  } catch {
    return null;
  }
  return setOut(trimmed);
}

/** Any value, for people. */
export function prettyValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, STEP);
}

/** `json` is sound: only what stands between its tokens is changed. */
function setOut(json: string): string {
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g) ?? [];
  let out = "";
  let depth = 0;
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    switch (token) {
      case "{":
      case "[":
        out += token;
        if (next !== "}" && next !== "]") out += line(++depth);
        break;
      case "}":
      case "]": {
        const before = tokens[index - 1];
        const isEmpty = before === "{" || before === "[";
        out += isEmpty ? token : line(--depth) + token;
        break;
      }
      case ",":
        out += token + line(depth);
        break;
      case ":":
        out += ": ";
        break;
      default:
        out += token;
    }
  });
  return out;
}

const line = (depth: number) => `\n${STEP.repeat(depth)}`;

export interface Piece {
  text: string;
  isRedacted: boolean;
}

/** What the server puts in place of a secret. */
const REDACTED = "[redacted]";

/** A text cut where something was redacted, so that the page can mark it. */
export function pieces(text: string): Piece[] {
  return text
    .split(/(\[redacted\])/)
    .filter(Boolean)
    .map((piece) => ({ text: piece, isRedacted: piece === REDACTED }));
}
