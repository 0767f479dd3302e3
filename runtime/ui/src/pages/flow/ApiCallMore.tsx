// What few API calls change: time, tries, signing, how strict the answer is read, TLS and proxy.
import { without, withValue } from "../../model/flow/apicall";
import { Checkbox, Select, TextField } from "../../parts/Field";
import { type StepFormProps, textOf } from "./ApiCallForm";
import styles from "./Form.module.css";
import { More } from "./More";
import { TemplateField } from "./TemplateField";

const METHODS = ["POST", "PUT", "PATCH", "DELETE"].map((it) => ({ id: it, name: it }));
const DURATION = "Such as 30s, 2h or 3d.";

export function ApiCallMore(props: StepFormProps) {
  const { step, onChange, errorAt, isReadOnly } = props;
  const set = (key: string, value: unknown) => onChange(withValue(step, key, value));
  const isCustom = step["format"] === "custom";
  const signing = step["signing_secret"];
  const secrets = Array.isArray(signing) ? (signing as string[]) : [textOf(signing)];
  const sign = (first: string, second: string) => set("signing_secret", second ? [first, second] : first);
  const hasMore = ["/timeout", "/retry", "/signing_secret", "/tls", "/proxy", "/max_response_bytes"].some((it) => errorAt(it) !== undefined);
  return (
    <More isOpen={hasMore}>
      <div className={styles.two}>
        {!isCustom && <Select label="Method" value={textOf(step["method"]) || "POST"} onChange={(method) => set("method", method === "POST" ? undefined : method)} options={METHODS} isDisabled={isReadOnly} />}
        <TextField label="Timeout" placeholder="30s" description={`For the whole call. ${DURATION}`} value={textOf(step["timeout"])} onChange={(it) => set("timeout", it)} error={errorAt("/timeout")} isReadOnly={isReadOnly} />
      </div>
      <Retry {...props} />
      <fieldset className={styles.group}>
        <legend className={styles.legend}>Signature</legend>
        <p className={styles.description}>Calls are signed as Standard Webhooks says. While a secret is being changed, they are signed with both.</p>
        <div className={styles.two}>
          <TemplateField label="Signing secret" places="secrets" placeholder="{{secrets.SIGNING}}" value={secrets[0] ?? ""} onChange={(it) => sign(it, secrets[1] ?? "")} error={errorAt("/signing_secret")} isReadOnly={isReadOnly} />
          {secrets[0] && <TemplateField label="Old signing secret" places="secrets" placeholder="{{secrets.OLD_SIGNING}}" value={secrets[1] ?? ""} onChange={(it) => sign(secrets[0]!, it)} isReadOnly={isReadOnly} />}
        </div>
      </fieldset>
      <fieldset className={styles.group}>
        <legend className={styles.legend}>Answer</legend>
        <Checkbox value={step["strict_response"] === true} onChange={(it) => set("strict_response", it || undefined)} isDisabled={isReadOnly}>
          A 2xx answer that is no JSON object is a failure
        </Checkbox>
        <Checkbox value={step["strict_fields"] === true} onChange={(it) => set("strict_fields", it || undefined)} isDisabled={isReadOnly}>
          A field that the workflow does not have is a failure
        </Checkbox>
        <TextField label="Bytes that it may have" type="number" placeholder="1048576" value={textOf(step["max_response_bytes"])} onChange={(it) => set("max_response_bytes", /^\d+$/.test(it) ? Number(it) : undefined)} error={errorAt("/max_response_bytes")} isReadOnly={isReadOnly} />
      </fieldset>
      <Connection {...props} />
    </More>
  );
}

type Values = Record<string, unknown>;

function Retry({ step, onChange, errorAt, isReadOnly }: StepFormProps) {
  const retry = step["retry"] as Values | undefined;
  const set = (key: string, value: unknown) => onChange({ ...step, retry: Object.fromEntries(Object.entries({ ...retry, [key]: value }).filter(([, it]) => it !== undefined && it !== "")) });
  const number = (it: string) => (/^\d+$/.test(it) ? Number(it) : undefined);
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>Retry</legend>
      <Checkbox value={retry !== undefined} onChange={(isOn) => onChange(isOn ? { ...step, retry: {} } : without(step, "retry"))} isDisabled={isReadOnly}>
        Try again by itself after 408, 425, 429, 5xx, no answer, or a crash of the server
      </Checkbox>
      {retry && (
        <>
          <div className={styles.two}>
            <TextField label="Tries in all" type="number" placeholder="5" value={textOf(retry["tries"])} onChange={(it) => set("tries", number(it))} error={errorAt("/retry/tries")} isReadOnly={isReadOnly} />
            <TextField label="Pause after the first" placeholder="1s" value={textOf(retry["first"])} onChange={(it) => set("first", it)} error={errorAt("/retry/first")} isReadOnly={isReadOnly} />
            <TextField label="Longest pause" placeholder="5m" value={textOf(retry["most"])} onChange={(it) => set("most", it)} error={errorAt("/retry/most")} isReadOnly={isReadOnly} />
          </div>
          <Checkbox value={retry["deduplicated"] === true} onChange={(it) => set("deduplicated", it || undefined)} isDisabled={isReadOnly}>
            The receiver does once what it is asked more than once under one webhook-id
          </Checkbox>
        </>
      )}
    </fieldset>
  );
}

function Connection({ step, onChange, errorAt, isReadOnly }: StepFormProps) {
  const tls = (step["tls"] as Record<string, string> | undefined) ?? {};
  const set = (key: string, value: string) => {
    const next = Object.fromEntries(Object.entries({ ...tls, [key]: value }).filter(([, it]) => it !== ""));
    onChange(withValue(step, "tls", next));
  };
  const field = (key: string, label: string) => <TemplateField label={label} placeholder={`{{secrets.${key.toUpperCase()}}}`} value={tls[key] ?? ""} onChange={(it) => set(key, it)} error={errorAt(`/tls/${key}`)} isReadOnly={isReadOnly} places={key === "key" ? "secrets" : "all"} />;
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>Connection</legend>
      <TemplateField label="Proxy" placeholder="As the server says" description="direct for none, or http://HOST:PORT." value={textOf(step["proxy"])} onChange={(it) => onChange(withValue(step, "proxy", it))} error={errorAt("/proxy")} isReadOnly={isReadOnly} />
      <div className={styles.two}>
        {field("ca", "Certificate authority (PEM)")}
        {field("certificate", "Client certificate (PEM)")}
        {field("key", "Its key")}
      </div>
    </fieldset>
  );
}
