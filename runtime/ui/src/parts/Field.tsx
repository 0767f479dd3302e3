// What people type and choose: each with its label, what it is for, and what is wrong with it.
import { Check, ChevronDown } from "lucide-react";
import type { ReactNode, Ref } from "react";
import {
  Checkbox as AriaCheckbox,
  RadioGroup as AriaRadioGroup,
  Select as AriaSelect,
  TextField as AriaTextField,
  Button,
  FieldError,
  Input,
  Label,
  Radio,
  SelectValue,
  Text,
  TextArea,
} from "react-aria-components";
import styles from "./Field.module.css";
import { type Option, Options } from "./Options";
import { Popup } from "./Popup";

interface Described {
  label: string;
  /** Only screen readers hear the label. */
  hideLabel?: boolean;
  description?: ReactNode;
  /** What is wrong; the field is invalid while it is there. */
  error?: string | undefined;
  isDisabled?: boolean;
  isRequired?: boolean;
}

function Surroundings({ label, hideLabel, description, error, children }: Described & { children: ReactNode }) {
  return (
    <>
      <Label className={hideLabel ? "unseen" : styles.label!}>{label}</Label>
      {children}
      {description && (
        <Text slot="description" className={styles.description!}>
          {description}
        </Text>
      )}
      <FieldError className={styles.error!}>{error ?? undefined}</FieldError>
    </>
  );
}

interface TextFieldProps extends Described {
  value: string;
  onChange: (value: string) => void;
  onBlur?: () => void;
  type?: "text" | "email" | "password" | "url" | "search" | "number" | "date" | "datetime-local";
  placeholder?: string;
  /** Lines: more than one makes it a text area. */
  rows?: number;
  autoFocus?: boolean;
  autoComplete?: string;
  maxLength?: number;
  isReadOnly?: boolean;
  mono?: boolean;
  /** Beside what is typed, at its end: the field picker's button. */
  end?: ReactNode;
  /** The element in which one types, for whoever needs to know where the caret is. */
  inputRef?: Ref<HTMLInputElement | HTMLTextAreaElement>;
}

export function TextField(props: TextFieldProps) {
  const { value, onChange, onBlur, type = "text", placeholder, rows, autoFocus, autoComplete, maxLength, mono, end, inputRef } = props;
  const look = `${styles.input} ${mono ? styles.mono : ""} ${end ? styles.withEnd : ""}`;
  return (
    <AriaTextField
      className={styles.field!}
      value={value}
      onChange={onChange}
      {...(onBlur && { onBlur })}
      type={type === "number" ? "text" : type}
      isInvalid={props.error !== undefined}
      isDisabled={props.isDisabled ?? false}
      isRequired={props.isRequired ?? false}
      isReadOnly={props.isReadOnly ?? false}
      validationBehavior="aria"
      {...(autoFocus && { autoFocus })}
      {...(autoComplete && { autoComplete })}
      {...(maxLength && { maxLength })}
    >
      <Surroundings {...props}>
        <div className={styles.box}>
          {rows && rows > 1 ? (
            <TextArea ref={inputRef as Ref<HTMLTextAreaElement>} className={look} rows={rows} placeholder={placeholder ?? ""} spellCheck={!mono} />
          ) : (
            <Input ref={inputRef as Ref<HTMLInputElement>} className={look} placeholder={placeholder ?? ""} {...(type === "number" && { inputMode: "decimal" as const })} />
          )}
          {end && <span className={styles.end}>{end}</span>}
        </div>
      </Surroundings>
    </AriaTextField>
  );
}

interface SelectProps extends Described {
  value: string | null;
  onChange: (id: string) => void;
  options: Option[];
  placeholder?: string;
}

export function Select({ value, onChange, options, placeholder = "Choose", ...described }: SelectProps) {
  return (
    <AriaSelect
      className={styles.field!}
      value={value}
      onChange={(key) => key !== null && onChange(String(key))}
      placeholder={placeholder}
      isInvalid={described.error !== undefined}
      isDisabled={described.isDisabled ?? false}
      isRequired={described.isRequired ?? false}
      validationBehavior="aria"
    >
      <Surroundings {...described}>
        <Button className={`${styles.input} ${styles.select}`}>
          <SelectValue className={styles.value!} />
          <ChevronDown aria-hidden />
        </Button>
      </Surroundings>
      <Popup className={styles.popover}>
        <Options items={options} />
      </Popup>
    </AriaSelect>
  );
}

/** Several inputs that are one value. */
export function FieldGroup({ label, hideLabel, description, error, children }: Described & { children: ReactNode }) {
  return (
    <fieldset className={styles.group}>
      <legend className={hideLabel ? "unseen" : styles.legend}>{label}</legend>
      {children}
      {description && <span className={styles.description}>{description}</span>}
      {error && (
        <span className={styles.error} role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}

interface CheckboxProps {
  children: ReactNode;
  value: boolean;
  onChange: (value: boolean) => void;
  isDisabled?: boolean;
  isIndeterminate?: boolean;
  /** Where nothing beside it says what it is. */
  label?: string;
}

export function Checkbox({ children, value, onChange, isDisabled = false, isIndeterminate = false, label }: CheckboxProps) {
  return (
    <AriaCheckbox
      className={styles.checkbox!}
      isSelected={value}
      onChange={onChange}
      isDisabled={isDisabled}
      isIndeterminate={isIndeterminate}
      {...(label && { "aria-label": label })}
    >
      <span className={styles.tick}>
        {isIndeterminate ? <span className={styles.dash} /> : <Check aria-hidden />}
      </span>
      {children}
    </AriaCheckbox>
  );
}

interface RadioGroupProps extends Described {
  value: string;
  onChange: (value: string) => void;
  options: Option[];
}

export function RadioGroup({ value, onChange, options, ...described }: RadioGroupProps) {
  return (
    <AriaRadioGroup
      className={styles.field!}
      value={value}
      onChange={onChange}
      isDisabled={described.isDisabled ?? false}
      isInvalid={described.error !== undefined}
      validationBehavior="aria"
    >
      <Surroundings {...described}>
        {options.map((option) => (
          <Radio key={option.id} value={option.id} className={styles.radio!}>
            <span className={styles.dot} />
            {option.name}
          </Radio>
        ))}
      </Surroundings>
    </AriaRadioGroup>
  );
}
