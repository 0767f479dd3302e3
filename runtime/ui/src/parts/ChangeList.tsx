// What was added, removed and changed, a line each.
import type { Change } from "../model/flow/difference";
import styles from "./ChangeList.module.css";

const SIGNS = { added: "+", removed: "−", changed: "~" };
const NAMES = { added: "Added", removed: "Removed", changed: "Changed" };

export function ChangeList({ changes: all }: { changes: Change[] }) {
  if (all.length === 0) return <p className={styles.hint}>Nothing has changed.</p>;
  return (
    <ul className={styles.changes}>
      {all.map((change, index) => (
        <li key={index} className={styles[change.kind]}>
          <span className={styles.sign} aria-hidden>
            {SIGNS[change.kind]}
          </span>
          <span>
            <span className="unseen">{NAMES[change.kind]}: </span>
            {change.what}
            {change.how && <span className={styles.how}>: {change.how}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}
