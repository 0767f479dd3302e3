// A form made from a step type's schema: @rjsf lays it out, everything that is seen is ours, nothing is evaluated.
// The package whole would have its own tests in it, and with them a validator that evaluates.
import Form from "@rjsf/core/lib/components/Form.js";
import type { RJSFSchema, UiSchema, ValidatorType } from "@rjsf/utils";
import { useMemo } from "react";
import type { Step } from "../../model/flow/document";
import { type Schema, prepare } from "../../model/flow/schema";
import { check } from "../../model/flow/validate";
import type { StepFormProps } from "./ApiCallForm";
import styles from "./Form.module.css";
import { fields } from "./specials";
import { templates } from "./templates";
import { ID_PREFIX, widgets } from "./widgets";

type Values = Record<string, unknown>;

/** What fields and widgets of the form get from it. */
export interface FormContext {
  errorAt: (path: string) => string | undefined;
}

/** What it asks while it lays out alternatives. Faults are told by the step's dialog, from the schema as the plugin wrote it. */
const validator: ValidatorType<Values, RJSFSchema, FormContext> = {
  isValid: (schema, value, root) => check(root["$defs"] ? { ...schema, $defs: root["$defs"] } : schema, value).length === 0,
  rawValidation: () => ({ errors: [] }),
  validateFormData: () => ({ errors: [], errorSchema: {} }),
};

export function SchemaForm({ step, schema, onChange, errorAt, isReadOnly }: StepFormProps & { schema: unknown }) {
  const prepared = useMemo(() => prepare((schema ?? { type: "object" }) as Schema), [schema]);
  const { id, name, type, ...values } = step;
  // A parameter may be called as what every step has; the document cannot tell them apart, so neither can the form.
  const change = (data: Values | undefined) => onChange({ ...pruned(data ?? {}), id, name, type } as Step);
  const isEmpty = Object.keys((prepared.schema["properties"] as object | undefined) ?? {}).length === 0;
  if (isEmpty) return <p className={styles.hint}>There is nothing to be set.</p>;
  return (
    <Form<Values, RJSFSchema, FormContext>
      tagName="div"
      className={styles.form!}
      schema={prepared.schema as RJSFSchema}
      uiSchema={{ ...prepared.uiSchema, "ui:globalOptions": { enableOptionalDataFieldForType: ["object"] }, "ui:submitButtonOptions": { norender: true } } as UiSchema<Values, RJSFSchema, FormContext>}
      formData={values}
      formContext={{ errorAt }}
      validator={validator}
      noValidate
      noHtml5Validate
      showErrorList={false}
      readonly={isReadOnly}
      idPrefix={ID_PREFIX}
      idSeparator="/"
      experimental_defaultFormStateBehavior={{ emptyObjectFields: "skipDefaults", arrayMinItems: { populate: "never" }, constAsDefaults: "never" }}
      onChange={({ formData }) => change(formData)}
      fields={fields}
      templates={templates}
      widgets={widgets}
    />
  );
}

/** Without what was emptied: a parameter that is left out has its default. */
function pruned(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
