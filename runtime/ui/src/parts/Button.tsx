// Buttons, and links that look like them.
import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps as AriaButtonProps, Link, ProgressBar, Tooltip, TooltipTrigger } from "react-aria-components";
import styles from "./Button.module.css";
import { Spinner } from "./Spinner";

type Look = "plain" | "primary" | "good" | "danger" | "quiet" | "dark";

interface ButtonProps extends Omit<AriaButtonProps, "className" | "style"> {
  look?: Look;
  icon?: ReactNode;
  small?: boolean;
}

const classes = (look: Look, small: boolean) => `${styles.button} ${styles[look]} ${small ? styles.small : ""}`;

export function Button({ look = "plain", icon, small = false, children, ...props }: ButtonProps) {
  return (
    <AriaButton {...props} className={classes(look, small)}>
      {(state) => (
        <>
          {state.isPending ? <Pending /> : icon}
          {typeof children === "function" ? children(state) : children}
        </>
      )}
    </AriaButton>
  );
}

function Pending() {
  return (
    <ProgressBar aria-label="in progress" isIndeterminate>
      <Spinner />
    </ProgressBar>
  );
}

interface IconButtonProps extends Omit<ButtonProps, "children" | "icon"> {
  /** What it does: its name, and its tooltip. */
  label: string;
  icon: ReactNode;
}

export function IconButton({ label, icon, look = "quiet", small = false, ...props }: IconButtonProps) {
  return (
    <TooltipTrigger delay={500}>
      <AriaButton {...props} aria-label={label} className={`${classes(look, small)} ${styles.icon}`}>
        {icon}
      </AriaButton>
      <Tooltip className={styles.tooltip!} offset={6}>
        {label}
      </Tooltip>
    </TooltipTrigger>
  );
}

interface LinkButtonProps {
  href: string;
  look?: Look;
  icon?: ReactNode;
  small?: boolean;
  children: ReactNode;
}

export function LinkButton({ href, look = "plain", icon, small = false, children }: LinkButtonProps) {
  return (
    <Link href={href} className={classes(look, small)}>
      {icon}
      {children}
    </Link>
  );
}
