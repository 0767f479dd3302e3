// Sentences of the server and of plugins: what is set between backquotes is code, between asterisks is stressed.
import { Fragment } from "react";

export function Words({ text }: { text: string }) {
  return text.split(/(`[^`]+`|\*[^*\s][^*]*\*)/).map((piece, index) => {
    if (piece.length > 2 && piece.startsWith("`")) return <code key={index}>{piece.slice(1, -1)}</code>;
    if (piece.length > 2 && piece.startsWith("*")) return <em key={index}>{piece.slice(1, -1)}</em>;
    return <Fragment key={index}>{piece}</Fragment>;
  });
}
