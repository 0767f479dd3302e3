// A value as it stands in a cell or beside its name.
import { Check, Paperclip, Plus } from "lucide-react";
import { dotColor } from "../../model/color";
import type { Kind } from "../../model/tasks/columns";
import { type FileEntry, type Names, isEmpty, shown } from "../../model/tasks/values";
import { Avatar } from "../Marks";
import styles from "./CellValue.module.css";

export type StageColors = ReadonlyMap<string, string | undefined>;

interface CellValueProps {
  kind: Kind;
  value: unknown;
  names: Names;
  colors: StageColors;
  /** Whether an empty assignee may be filled in here. */
  editable?: boolean;
}

export function CellValue({ kind, value, names, colors, editable = false }: CellValueProps) {
  if (kind === "checkbox") return value === true ? <Check className={styles.tick} aria-label="Yes" /> : <span className="unseen">No</span>;
  if (kind === "assignee" && isEmpty(value)) {
    return <span className={styles.quiet}>{editable ? <><Plus aria-hidden /> Assign</> : "Nobody"}</span>;
  }
  if (isEmpty(value)) return null;
  const text = shown(kind, value, names);
  switch (kind) {
    case "stage":
      return (
        <span className={styles.mark}>
          <span className={styles.dot} style={{ background: dotColor(colors.get(text)) }} aria-hidden />
          <span className={styles.text}>{text}</span>
        </span>
      );
    case "assignee":
    case "person":
      return (
        <span className={styles.mark}>
          <Avatar name={text} />
          <span className={styles.text}>{text}</span>
        </span>
      );
    case "singleSelect":
      return <span className={styles.chip}>{text}</span>;
    case "multipleSelect":
      return (
        <span className={styles.chips}>
          {(value as string[]).map((it) => (
            <span key={it} className={styles.chip}>
              {it}
            </span>
          ))}
        </span>
      );
    case "file":
      return (
        <span className={styles.mark}>
          <Paperclip aria-hidden />
          <span className={styles.text}>{filesText(value as FileEntry[])}</span>
        </span>
      );
    default:
      return <span className={styles.text}>{text}</span>;
  }
}

function filesText(files: FileEntry[]): string {
  return files.length === 1 ? files[0]!.filename : `${files.length} files`;
}
