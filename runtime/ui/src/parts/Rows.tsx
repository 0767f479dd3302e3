// Lists of things that have a name, some words about them and a few buttons: rows that also fit a narrow screen.
import type { ReactNode } from "react";
import styles from "./Rows.module.css";

export function Rows({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className={styles.rows} aria-label={label}>
      {children}
    </ul>
  );
}

interface RowProps {
  /** An icon or a picture before it. */
  lead?: ReactNode;
  title: ReactNode;
  /** Badges beside the title. */
  marks?: ReactNode;
  /** Quieter lines below it. */
  children?: ReactNode;
  /** Buttons at the end. */
  end?: ReactNode;
}

export function Row({ lead, title, marks, children, end }: RowProps) {
  return (
    <li className={styles.row}>
      {lead && <span className={styles.lead}>{lead}</span>}
      <div className={styles.main}>
        <div className={styles.head}>
          <span className={styles.title}>{title}</span>
          {marks}
        </div>
        {children && <div className={styles.detail}>{children}</div>}
      </div>
      {end && <div className={styles.end}>{end}</div>}
    </li>
  );
}
