// How @rjsf lays out a form of ours: objects with groups and More, lists with their buttons; inputs bring their own labels.
import type { ArrayFieldItemTemplateProps, ArrayFieldTemplateProps, FieldTemplateProps, MultiSchemaFieldTemplateProps, ObjectFieldTemplateProps, OptionalDataControlsTemplateProps, TemplatesType, UnsupportedFieldProps, WrapIfAdditionalTemplateProps } from "@rjsf/utils";
import { ChevronDown, ChevronUp, CircleMinus, Plus } from "lucide-react";
import { type ReactElement, type ReactNode, cloneElement, isValidElement } from "react";
import { Button as AriaButton } from "react-aria-components";
import { isShown } from "../../model/flow/schema";
import { Button, IconButton } from "../../parts/Button";
import { Words } from "../../parts/Words";
import styles from "./Form.module.css";
import { More } from "./More";
import panel from "./Panel.module.css";
import type { FormContext } from "./SchemaForm";

type Schema = Record<string, unknown>;
type Ui = Record<string, Record<string, unknown> | undefined>;
interface Options {
  hints?: { group?: string };
  preset?: unknown;
}

const optionsOf = (ui: unknown, key: string): Options => ((ui as Ui | undefined)?.[key]?.["ui:options"] ?? {}) as Options;

/** An input has its label, its description and its errors itself. It is told where it is, to find them. */
function Field({ children, hidden }: FieldTemplateProps<unknown, Schema, FormContext>) {
  return hidden ? <div hidden>{children}</div> : children;
}

function ObjectTemplate({ properties, title, description, fieldPathId, uiSchema, formData, optionalDataControl, schema }: ObjectFieldTemplateProps<unknown, Schema, FormContext>) {
  const isRoot = fieldPathId.path.length === 0;
  const all = (schema["properties"] ?? {}) as Record<string, unknown>;
  const presets = Object.fromEntries(Object.keys(all).map((key) => [key, optionsOf(uiSchema, key).preset]));
  const shown = properties.filter((it) => !it.hidden && isShown(optionsOf(uiSchema, it.name).hints, formData, presets));
  const groupOf = (name: string) => optionsOf(uiSchema, name).hints?.group;
  const plain = shown.filter((it) => groupOf(it.name) === undefined);
  const groups = [...new Set(shown.flatMap((it) => groupOf(it.name) ?? []))].sort((a, b) => Number(a === "More") - Number(b === "More"));
  const body: ReactNode = (
    <>
      {plain.map((it) => it.content)}
      {groups.map((group) => (
        <More key={group} title={group}>
          {shown.filter((it) => groupOf(it.name) === group).map((it) => it.content)}
        </More>
      ))}
    </>
  );
  if (isRoot) return <div className={styles.form}>{body}</div>;
  return (
    <fieldset className={`${styles.group} ${styles.nested}`}>
      <div className={styles.legendRow}>
        <span className={styles.legend}>{title}</span>
        {optionalDataControl}
      </div>
      {description && <p className={styles.description}>{typeof description === "string" ? <Words text={description} /> : description}</p>}
      {body}
    </fieldset>
  );
}

function ArrayTemplate({ title, schema, items, canAdd, onAddClick, readonly, disabled, fieldPathId, registry, optionalDataControl }: ArrayFieldTemplateProps<unknown, Schema, FormContext>) {
  const error = registry.formContext.errorAt(fieldPathId.path.map((it) => `/${it}`).join(""));
  return (
    <fieldset className={styles.group}>
      <div className={styles.legendRow}>
        <span className={styles.legend}>{title}</span>
        {optionalDataControl}
      </div>
      {typeof schema["description"] === "string" && (
        <p className={styles.description}>
          <Words text={schema["description"]} />
        </p>
      )}
      <div className={styles.pairs}>{items}</div>
      {error && <p className={styles.error}>{error}</p>}
      {canAdd && !readonly && !disabled && <Add onPress={() => onAddClick()} />}
    </fieldset>
  );
}

function Add({ onPress }: { onPress: () => void }) {
  return (
    <AriaButton className={panel.add!} onPress={onPress}>
      <Plus aria-hidden />
      Add
    </AriaButton>
  );
}

function Item({ children, buttonsProps: buttons, index, readonly }: ArrayFieldItemTemplateProps<unknown, Schema, FormContext>) {
  return (
    <div className={styles.item}>
      {children}
      {!readonly && (
        <span className={styles.itemButtons}>
          {buttons.hasMoveUp && <IconButton label={`Move ${index + 1} up`} icon={<ChevronUp />} onPress={() => buttons.onMoveUpItem()} />}
          {buttons.hasMoveDown && <IconButton label={`Move ${index + 1} down`} icon={<ChevronDown />} onPress={() => buttons.onMoveDownItem()} />}
          {buttons.hasRemove && <IconButton label={`Remove ${index + 1}`} icon={<CircleMinus />} onPress={() => buttons.onRemoveItem()} />}
        </span>
      )}
    </div>
  );
}

function Optional({ onAddClick, onRemoveClick, label }: OptionalDataControlsTemplateProps<unknown, Schema, FormContext>) {
  const does = onAddClick ?? onRemoveClick;
  if (!does) return <em className={styles.description}>{label}</em>;
  return (
    <Button small onPress={() => does()}>
      {onAddClick ? "Set" : "Remove"}
    </Button>
  );
}

function Alternatives({ selector, optionSchemaField }: MultiSchemaFieldTemplateProps<unknown, Schema, FormContext>) {
  return (
    <div className={styles.group}>
      {selector}
      {optionSchemaField}
    </div>
  );
}

function Unsupported({ reason }: UnsupportedFieldProps<unknown, Schema, FormContext>) {
  return <p className={styles.error}>No form can be made of this: {reason}</p>;
}

/** A property that the schema leaves open, beside those that it names. */
function Additional({ children, label, onRemoveProperty, schema, readonly }: WrapIfAdditionalTemplateProps<unknown, Schema, FormContext>) {
  if (!("__additional_property" in schema)) return <>{children}</>;
  return (
    <div className={styles.item}>
      {isValidElement(children) ? cloneElement(children as ReactElement) : children}
      {!readonly && <IconButton label={`Remove ${label}`} icon={<CircleMinus />} onPress={onRemoveProperty} />}
    </div>
  );
}

export const templates = {
  FieldTemplate: Field,
  ObjectFieldTemplate: ObjectTemplate,
  ArrayFieldTemplate: ArrayTemplate,
  ArrayFieldItemTemplate: Item,
  OptionalDataControlsTemplate: Optional,
  MultiSchemaFieldTemplate: Alternatives,
  UnsupportedFieldTemplate: Unsupported,
  WrapIfAdditionalTemplate: Additional,
  ErrorListTemplate: () => null,
} as unknown as Partial<Omit<TemplatesType, "ButtonTemplates">>;
