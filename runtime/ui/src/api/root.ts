// Below which path of its origin the server is.

/** Nothing, or such as `/onward`: what stands before the server takes that off. It is told by the page, where the server sent it. */
export const ROOT = typeof document === "undefined" ? "" : toldIn(document.querySelector<HTMLMetaElement>("meta[name=onward-path]")?.content);

function toldIn(path: string | undefined): string {
  return path?.startsWith("/") ? path : "";
}
