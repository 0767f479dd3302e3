// How an API call says who it is from. What is secret is named, never written: {{secrets.NAME}}.
import { AUTH_KINDS, AUTH_NAMES, type AuthKind, type AuthValues, authOf, withAuth } from "../../model/flow/apicall";
import { Select, TextField } from "../../parts/Field";
import type { StepFormProps } from "./ApiCallForm";
import styles from "./Form.module.css";
import { TemplateField } from "./TemplateField";

const SECRET = "{{secrets.NAME}}";

export function ApiCallAuth({ step, onChange, errorAt, isReadOnly }: StepFormProps) {
  const { kind, values } = authOf(step);
  const set = (key: string, value: string | undefined) => onChange(withAuth(step, kind, { ...values, [key]: value } as AuthValues));
  const secret = (key: string, label: string) => (
    <TemplateField
      label={label}
      places="secrets"
      placeholder={SECRET}
      value={values[key] ?? ""}
      onChange={(it) => set(key, it)}
      error={errorAt(kind === "bearer" ? "/auth/bearer" : `/auth/${kind}/${key}`)}
      description="Its value stays in the server: name a secret."
      isReadOnly={isReadOnly}
    />
  );
  const text = (key: string, label: string, placeholder = "") => (
    <TemplateField label={label} placeholder={placeholder} value={values[key] ?? ""} onChange={(it) => set(key, it || undefined)} error={errorAt(`/auth/${kind}/${key}`)} isReadOnly={isReadOnly} />
  );
  const isQuery = values["query"] !== undefined;
  const moveKey = (place: string) => {
    const { header, query, ...rest } = values;
    const name = header ?? query ?? "";
    onChange(withAuth(step, kind, place === "query" ? { query: name, ...rest } : { header: name, ...rest }));
  };
  return (
    <>
      <Select label="Authorization" value={kind} onChange={(id) => onChange(withAuth(step, id as AuthKind))} options={AUTH_KINDS.map((it) => ({ id: it, name: AUTH_NAMES[it] }))} error={errorAt("/auth")} isDisabled={isReadOnly} />
      {kind === "bearer" && secret("token", "Token")}
      {kind === "basic" && (
        <div className={styles.two}>
          {text("user", "User")}
          {secret("password", "Password")}
        </div>
      )}
      {kind === "api_key" && (
        <div className={styles.two}>
          <Select label="Sent in" value={isQuery ? "query" : "header"} onChange={moveKey} options={[{ id: "header", name: "A header" }, { id: "query", name: "The URL's query" }]} isDisabled={isReadOnly} />
          <TextField label={isQuery ? "Name of the parameter" : "Name of the header"} value={values["query"] ?? values["header"] ?? ""} onChange={(it) => set(isQuery ? "query" : "header", it)} isReadOnly={isReadOnly} error={errorAt(`/auth/api_key/${isQuery ? "query" : "header"}`)} />
          {secret("value", "Key")}
        </div>
      )}
      {kind === "oauth2" && (
        <div className={styles.two}>
          {text("token_url", "Token URL", "https://id.example.com/token")}
          {text("client_id", "Client id")}
          {secret("client_secret", "Client secret")}
          {text("scope", "Scope")}
          {text("audience", "Audience")}
          <Select label="Credentials are sent in" value={values["credentials"] ?? "header"} onChange={(it) => set("credentials", it === "header" ? undefined : it)} options={[{ id: "header", name: "The header Authorization" }, { id: "body", name: "The body" }]} isDisabled={isReadOnly} />
        </div>
      )}
    </>
  );
}
