// What an API call of one's own format has besides: its body, what is a success, and where fields are in the answer.
import { fieldsOf } from "../../model/flow/document";
import { withValue } from "../../model/flow/apicall";
import { TextField } from "../../parts/Field";
import { type StepFormProps, textOf } from "./ApiCallForm";
import styles from "./Form.module.css";
import { Pairs } from "./Pairs";
import { TemplateField } from "./TemplateField";
import { useBuilder } from "./state";
import { useTyped } from "./typed";

type Success = { status?: unknown; pointer?: string; equals?: unknown };

/** `200, 2xx` as the file has it: one, or a list. */
function statuses(text: string): unknown {
  const all = text.split(/[\s,]+/).filter(Boolean).map((it) => (/^\d+$/.test(it) ? Number(it) : it));
  return all.length > 1 ? all : all[0];
}

/** What is typed is JSON where it can be, else a text. */
function jsonOrText(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function ApiCallCustom({ step, onChange, errorAt, isReadOnly }: StepFormProps) {
  const { document } = useBuilder();
  const success = (step["success"] as Success | undefined) ?? {};
  const setSuccess = (change: Success) => {
    const next = Object.fromEntries(Object.entries({ ...success, ...change }).filter(([, value]) => value !== undefined && value !== ""));
    onChange(withValue(step, "success", next));
  };
  const status = Array.isArray(success.status) ? success.status.join(", ") : textOf(success.status);
  return (
    <>
      <TemplateField label="Body" rows={6} mono value={textOf(step["body"])} onChange={(it) => onChange(withValue(step, "body", it))} error={errorAt("/body")} placeholder={'{"company": "{{Company Name}}"}'} isReadOnly={isReadOnly} />
      <fieldset className={styles.group}>
        <legend className={styles.legend}>Success</legend>
        <p className={styles.description}>Without anything here, every 2xx answer is a success.</p>
        <div className={styles.two}>
          <StatusField value={status} onChange={(it) => setSuccess({ status: statuses(it) })} error={errorAt("/success/status")} isReadOnly={isReadOnly} />
          <TextField label="Place in the answer" placeholder="/ok" value={success.pointer ?? ""} onChange={(it) => setSuccess({ pointer: it, ...(it === "" && { equals: undefined }) })} error={errorAt("/success/pointer")} isReadOnly={isReadOnly} mono />
          {success.pointer && (
            <TextField label="Must be" placeholder="true" description="Anything but null, where this is empty." value={success.equals === undefined ? "" : typeof success.equals === "string" ? success.equals : JSON.stringify(success.equals)} onChange={(it) => setSuccess({ equals: jsonOrText(it) })} isReadOnly={isReadOnly} mono />
          )}
        </div>
      </fieldset>
      <Pairs
        legend="Fields from the answer"
        description="Each field with the place of its value in the answer, as a JSON pointer such as /data/name."
        what="field"
        value={step["response"]}
        onChange={(response) => onChange(withValue(step, "response", response))}
        error={errorAt("/response")}
        names={["Stage", "Assigned To", ...fieldsOf(document).map((it) => it.name)]}
        isTemplate={false}
        valueLabel="Place"
        valuePlaceholder="/data/name"
        isReadOnly={isReadOnly}
      />
    </>
  );
}

/** While one types, `200,` is no list yet. */
function StatusField({ value, onChange, error, isReadOnly }: { value: string; onChange: (value: string) => void; error: string | undefined; isReadOnly: boolean }) {
  return <TextField key={isReadOnly ? value : "typed"} label="Status" placeholder="2xx" description="Such as 200, 404." {...useTyped(value, onChange)} error={error} isReadOnly={isReadOnly} />;
}
