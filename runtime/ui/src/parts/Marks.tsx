// Small marks: a stage's dot, a person's initials, a word with a colour of its own.
import { type Tone, dotColor } from "../model/color";
import styles from "./Marks.module.css";

export function Dot({ color }: { color: string | undefined }) {
  return <span className={styles.dot} style={{ background: dotColor(color) }} aria-hidden />;
}

export function StageMark({ name, color }: { name: string; color: string | undefined }) {
  return (
    <span className={styles.stage}>
      <Dot color={color} />
      <span className={styles.name}>{name}</span>
    </span>
  );
}

/** The initials of a name or an email. */
export function Avatar({ name }: { name: string }) {
  const parts = name.split(/[\s@._-]+/).filter(Boolean);
  const initials = (parts[0]?.[0] ?? "?") + (parts[1]?.[0] ?? "");
  let hue = 0;
  for (const character of name) hue = (hue * 31 + character.codePointAt(0)!) % 360;
  return (
    // Drawn by the style sheet: it is no text of the button in which it may stand.
    <span className={styles.avatar} style={{ background: `hsl(${hue} 45% 36%)` }} data-initials={initials.toUpperCase()} aria-hidden />
  );
}

export function Badge({ tone, children }: { tone: Tone; children: string }) {
  return <span className={`${styles.badge} ${styles[tone]}`}>{children}</span>;
}
