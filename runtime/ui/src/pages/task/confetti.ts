// A moment of joy, for who wants things to move. It is of no page, because what is celebrated may lead to another one.
import { COLORS, dotColor } from "../../model/color";
import styles from "./confetti.module.css";

const PIECES = 42;
const LASTS_MS = 3000;

/** Where a piece falls: different ones each elsewhere, yet the same each time. */
function fallOf(index: number): Record<string, string> {
  const random = (seed: number) => (((Math.sin((index + 1) * seed) * 10_000) % 1) + 1) % 1;
  return {
    left: `${4 + random(12.9898) * 92}%`,
    background: dotColor(COLORS[1 + (index % (COLORS.length - 1))]),
    "animation-delay": `${random(78.233) * 0.35}s`,
    "animation-duration": `${1.5 + random(37.719) * 0.9}s`,
    "--drift": `${(random(93.989) - 0.5) * 180}px`,
    "--turn": `${(random(53.11) - 0.5) * 1440}deg`,
  };
}

export function celebrate(): void {
  const confetti = document.createElement("div");
  confetti.className = styles.confetti!;
  confetti.ariaHidden = "true";
  for (let index = 0; index < PIECES; index++) {
    const piece = document.createElement("span");
    piece.className = styles.piece!;
    for (const [name, value] of Object.entries(fallOf(index))) piece.style.setProperty(name, value);
    confetti.append(piece);
  }
  document.body.append(confetti);
  setTimeout(() => confetti.remove(), LASTS_MS);
}
