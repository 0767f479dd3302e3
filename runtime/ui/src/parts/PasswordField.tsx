// A password that is typed: hidden, until one wants to see it.
import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { IconButton } from "./Button";
import { TextField } from "./Field";

/** Characters of a password, as the server has it. */
export const PASSWORD_CHARS_MIN = 10;
export const PASSWORD_CHARS_MAX = 200;

interface PasswordFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** One that is being chosen says how long it must be. */
  isNew?: boolean;
  error?: string | undefined;
  autoFocus?: boolean;
}

export function PasswordField({ label, value, onChange, isNew = false, error, autoFocus = false }: PasswordFieldProps) {
  const [isSeen, setSeen] = useState(false);
  return (
    <TextField
      label={label}
      type={isSeen ? "text" : "password"}
      value={value}
      onChange={onChange}
      error={error}
      autoComplete={isNew ? "new-password" : "current-password"}
      autoFocus={autoFocus}
      isRequired
      {...(isNew && { description: `At least ${PASSWORD_CHARS_MIN} characters.`, maxLength: PASSWORD_CHARS_MAX })}
      end={
        <IconButton
          small
          label={isSeen ? "Hide what is typed" : "Show what is typed"}
          icon={isSeen ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
          onPress={() => setSeen(!isSeen)}
        />
      }
    />
  );
}

/** Whether it is as long as a password must be. */
export function isPassword(value: string): boolean {
  const count = [...value].length;
  return count >= PASSWORD_CHARS_MIN && count <= PASSWORD_CHARS_MAX;
}
