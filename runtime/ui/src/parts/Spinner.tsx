// A small circle that turns while something is on its way.
import styles from "./Spinner.module.css";

/** It says nothing to those who do not see it: what is on its way is said beside it. */
export function Spinner() {
  return <span className={styles.spinner} aria-hidden />;
}
