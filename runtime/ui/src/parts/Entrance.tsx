// The pages of somebody who is not signed in: one card in the middle.
import type { ReactNode } from "react";
import { ROOT } from "../api/root";
import styles from "./Entrance.module.css";
import { useTitle } from "./Page";

export function Entrance({ title, children }: { title: string; children: ReactNode }) {
  useTitle(title);
  return (
    <main id="main" className={styles.entrance}>
      <div className={styles.logo}>
        <img src={`${ROOT}/onward.svg`} alt="" width={36} height={36} />
        onward
      </div>
      <div className={styles.card}>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
