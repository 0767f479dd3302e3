// Sentences from schemas and plugins: `code` between backticks is shown as such, nothing else is marked up.
import { Fragment } from "react";

export function Words({ children }: { children: string }) {
  return children.split(/(`[^`]+`)/).map((piece, index) => (piece.startsWith("`") && piece.length > 1 ? <code key={index}>{piece.slice(1, -1)}</code> : <Fragment key={index}>{piece.replaceAll("*", "")}</Fragment>));
}
