// A moment of joy, for who wants things to move.
import type { CSSProperties } from "react";
import { COLORS, dotColor } from "../../model/color";
import styles from "./Confetti.module.css";

const PIECES = 42;

/** Where each piece falls: different, yet the same each time. */
const pieces = Array.from({ length: PIECES }, (_, index) => {
  const random = (seed: number) => ((Math.sin((index + 1) * seed) * 10_000) % 1 + 1) % 1;
  return {
    left: `${4 + random(12.9898) * 92}%`,
    background: dotColor(COLORS[1 + (index % (COLORS.length - 1))]),
    animationDelay: `${random(78.233) * 0.35}s`,
    animationDuration: `${1.5 + random(37.719) * 0.9}s`,
    "--drift": `${(random(93.989) - 0.5) * 180}px`,
    "--turn": `${(random(53.11) - 0.5) * 1440}deg`,
  } as CSSProperties;
});

export function Confetti({ onEnd }: { onEnd: () => void }) {
  return (
    <div className={styles.confetti} aria-hidden>
      {/* Ends last, and also where nothing moves. */}
      <span className={styles.clock} onAnimationEnd={onEnd} />
      {pieces.map((style, index) => (
        <span key={index} className={styles.piece} style={style} />
      ))}
    </div>
  );
}
