// A step type's icon: the SVG that its plugin brings, shown as a picture, so that nothing in it can run.
import { Cloud, Puzzle } from "lucide-react";
import type { StepType } from "../../api/definitions";
import styles from "./StepIcon.module.css";

export function StepIcon({ type }: { type: StepType | undefined }) {
  if (!type?.icon) return type?.id === "api_call" ? <Cloud aria-hidden /> : <Puzzle aria-hidden />;
  const address = `data:image/svg+xml,${encodeURIComponent(type.icon)}`;
  // What is drawn in the colour of the text must follow it in light and dark; a picture cannot, a mask does.
  if (type.icon.includes("currentColor")) return <span className={styles.mask} style={{ maskImage: `url("${address}")` }} aria-hidden />;
  return <img src={address} alt="" width={16} height={16} />;
}
