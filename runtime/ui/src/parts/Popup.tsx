// What opens beside the thing that it belongs to: lists to choose from, menus, small forms.
import { Popover, type PopoverProps } from "react-aria-components";
import styles from "./Popup.module.css";

const HEIGHT_MAX = 480;

interface PopupProps extends Omit<PopoverProps, "className" | "style"> {
  /** For its size alone. */
  className?: string | undefined;
}

export function Popup({ className = "", ...props }: PopupProps) {
  return <Popover offset={4} maxHeight={HEIGHT_MAX} {...props} className={`${styles.popup} ${className}`} />;
}
