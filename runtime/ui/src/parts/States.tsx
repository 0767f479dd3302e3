// What stands in a page's place while it is fetched, when there is nothing, and when it could not be fetched.
import { CircleAlert, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Button } from "./Button";
import styles from "./States.module.css";
import { told } from "./Toasts";

export function Loading({ what }: { what: string }) {
  return (
    <div className={styles.state} role="status">
      <span className={styles.spinner} aria-hidden />
      <span className="unseen">{what} is loading</span>
    </div>
  );
}

interface EmptyProps {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div className={styles.state}>
      {icon && <span className={styles.icon}>{icon}</span>}
      <h2>{title}</h2>
      {children && <div className={styles.text}>{children}</div>}
      {action}
    </div>
  );
}

export function Failed({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const code = error instanceof ApiError ? error.code : undefined;
  return (
    <div className={styles.state} role="alert">
      <span className={`${styles.icon} ${styles.bad}`}>
        <CircleAlert aria-hidden />
      </span>
      <h2>This could not be loaded</h2>
      <div className={styles.text}>
        {told(error)} {code && <code>{code}</code>}
      </div>
      {onRetry && (
        <Button icon={<RotateCw aria-hidden />} onPress={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Something that one should know, where it matters. */
export function Notice({ kind, title, children, action }: { kind: "bad" | "warn" | "good" | "info"; title?: ReactNode; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={`${styles.notice} ${styles[kind]}`} role={kind === "bad" ? "alert" : "status"}>
      <div className={styles.noticeText}>
        {title && <strong>{title}</strong>}
        {children}
      </div>
      {action && <div className={styles.actions}>{action}</div>}
    </div>
  );
}
