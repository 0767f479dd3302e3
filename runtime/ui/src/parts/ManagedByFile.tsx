// That a workflow is changed in its file, and not here.
import type { ReactNode } from "react";
import { fileName } from "../model/workflows/file";
import { Notice } from "./States";

export function ManagedByFile({ file, children }: { file: string; children: ReactNode }) {
  return (
    <Notice kind="info" title={`This workflow is managed by the file ${fileName(file)}`}>
      {children}
    </Notice>
  );
}
