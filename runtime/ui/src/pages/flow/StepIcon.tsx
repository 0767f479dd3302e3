// The icon of a step type that is at hand.
import { Cloud, Puzzle } from "lucide-react";
import type { StepType } from "../../api/definitions";
import { SvgIcon } from "../../parts/StepIcon";

export function StepIcon({ type }: { type: StepType | undefined }) {
  if (type?.icon) return <SvgIcon svg={type.icon} />;
  return type?.id === "api_call" ? <Cloud aria-hidden /> : <Puzzle aria-hidden />;
}
