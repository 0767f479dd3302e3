// The modal of the API call: its format, where it goes, how it says who it is, its headers, and the rest under More.
import { type Pair, headerProblem, withFormat, withValue } from "../../model/flow/apicall";
import type { Step } from "../../model/flow/document";
import { RadioGroup, Select, TextField } from "../../parts/Field";
import { ApiCallAuth } from "./ApiCallAuth";
import { ApiCallCustom } from "./ApiCallCustom";
import { ApiCallMore } from "./ApiCallMore";
import styles from "./Form.module.css";
import { Pairs } from "./Pairs";
import { TemplateField } from "./TemplateField";

export interface StepFormProps {
  step: Step;
  onChange: (step: Step) => void;
  /** What is wrong, by JSON pointers into the step. */
  errorAt: (path: string) => string | undefined;
  isReadOnly: boolean;
}

const FORMATS = [
  { id: "default", name: "Default request and response format" },
  { id: "custom", name: "Custom request and response format" },
];

const METHODS = ["POST", "PUT", "PATCH", "DELETE", "GET"].map((it) => ({ id: it, name: it }));

export const textOf = (value: unknown): string => (typeof value === "string" ? value : typeof value === "number" ? String(value) : "");

export function ApiCallForm(props: StepFormProps) {
  const { step, onChange, errorAt, isReadOnly } = props;
  const isCustom = step["format"] === "custom";
  const set = (key: string, value: unknown) => onChange(withValue(step, key, value));
  return (
    <div className={styles.form}>
      <RadioGroup label="Format" value={isCustom ? "custom" : "default"} onChange={(format) => onChange(withFormat(step, format))} options={FORMATS} isDisabled={isReadOnly} />
      {isCustom && <Select label="Method" value={textOf(step["method"]) || "POST"} onChange={(method) => set("method", method === "POST" ? undefined : method)} options={METHODS} isDisabled={isReadOnly} />}
      <TemplateField
        label="URL"
        value={textOf(step["url"])}
        onChange={(url) => onChange({ ...step, url })}
        error={errorAt("/url")}
        placeholder="https://example.com/callback"
        description={isCustom ? "Your own request goes here. { } puts a field's value into it." : "The action, who performs it and the task are sent here as JSON; the answer may change the task. { } puts a field's value into the address."}
        isRequired
        isReadOnly={isReadOnly}
      />
      <ApiCallAuth {...props} />
      <Pairs
        legend="Headers"
        what="header"
        value={step["headers"]}
        onChange={(headers) => set("headers", headers)}
        error={errorAt("/headers")}
        problemOf={(rows: Pair[], name) => headerProblem(rows, name)}
        isReadOnly={isReadOnly}
        locked={
          <div className={styles.pair}>
            <TextField label="Header" hideLabel value="Content-Type" onChange={() => undefined} isDisabled />
            {isCustom ? (
              <TextField label="Content type" hideLabel value={textOf(step["content_type"])} placeholder="application/json" onChange={(it) => set("content_type", it)} isReadOnly={isReadOnly} error={errorAt("/content_type")} />
            ) : (
              <TextField label="Content type" hideLabel value="application/json" onChange={() => undefined} isDisabled />
            )}
          </div>
        }
      />
      {isCustom && <ApiCallCustom {...props} />}
      <ApiCallMore {...props} />
    </div>
  );
}
