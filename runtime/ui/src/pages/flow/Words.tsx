// Sentences from schemas and plugins: `code` and *stress* are shown as such, nothing else is marked up.
import { Fragment } from "react";

export function Words({ children }: { children: string }) {
  return children.split(/(`[^`]+`|\*[^*\s][^*]*\*)/).map((piece, index) => {
    if (piece.length > 2 && piece.startsWith("`")) return <code key={index}>{piece.slice(1, -1)}</code>;
    if (piece.length > 2 && piece.startsWith("*")) return <em key={index}>{piece.slice(1, -1)}</em>;
    return <Fragment key={index}>{piece}</Fragment>;
  });
}
