/** The name of a workflow's file, without the folders that it is in. */
export function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
