// A step type's icon, as the type brings it; a plain one where it brings none.
import { useQuery } from "@tanstack/react-query";
import { Cloud, Puzzle } from "lucide-react";
import { stepTypesQuery } from "../api/queries";
import styles from "./StepIcon.module.css";

/** `type`: a step type's id. Its name stands beside it, so nobody has to be told what it shows. */
export function StepIcon({ type }: { type: string | null }) {
  const { data } = useQuery(stepTypesQuery);
  const icon = data?.find((it) => it.id === type)?.icon;
  if (icon) return <SvgIcon svg={icon} />;
  return <span className={styles.icon}>{type === "api_call" ? <Cloud aria-hidden /> : <Puzzle aria-hidden />}</span>;
}

/** An SVG document as a picture: whatever else is in it neither runs nor loads. */
function SvgIcon({ svg }: { svg: string }) {
  const address = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  // One that is drawn in the text's colour takes ours; pictures would make that black.
  if (svg.includes("currentColor")) {
    return <span className={`${styles.icon} ${styles.drawn}`} style={{ maskImage: `url("${address}")` }} aria-hidden />;
  }
  return (
    <span className={styles.icon}>
      <img src={address} alt="" />
    </span>
  );
}
