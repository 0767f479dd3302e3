// The inputs of a form made from a schema: our own fields, with places, secrets, stages and people where hints say so.
import { type RegistryWidgetsType, type WidgetProps, enumOptionsValueForIndex } from "@rjsf/utils";
import { useMemo } from "react";
import { fieldsOf, stagesOf } from "../../model/flow/document";
import { Checkbox, RadioGroup, Select, TextField } from "../../parts/Field";
import { Dot } from "../../parts/Marks";
import { Words } from "../../parts/Words";
import type { FormContext } from "./SchemaForm";
import { TemplateField } from "./TemplateField";
import { useBuilder } from "./state";

// What @rjsf hands over is of any type; here it is narrowed.
type Props = WidgetProps<unknown, Record<string, unknown>, FormContext>;

const asText = (value: unknown): string => (value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));

/** Where an input's id begins; what follows is the JSON pointer of its parameter. */
export const ID_PREFIX = "step";

function useShared(props: Props) {
  const { id, label, hideLabel, schema, required, readonly, disabled } = props;
  const error = props.registry.formContext.errorAt(id.slice(ID_PREFIX.length));
  const description = typeof schema["description"] === "string" ? <Words text={schema["description"]} /> : undefined;
  return { label: label || props.name, ...(hideLabel && { hideLabel }), description, error, isRequired: !!required, isReadOnly: !!readonly || !!disabled };
}

const emptied = (text: string) => (text === "" ? undefined : text);

function Template(props: Props & { rows?: number; mono?: boolean; places?: "all" | "secrets" }) {
  const shared = useShared(props);
  return <TemplateField {...shared} value={asText(props.value)} onChange={(it) => props.onChange(emptied(it))} placeholder={props.placeholder ?? ""} {...(props.rows && { rows: props.rows })} mono={props.mono ?? false} places={props.places ?? "all"} />;
}

function Text(props: Props & { rows?: number; mono?: boolean }) {
  const shared = useShared(props);
  const format = props.schema["format"];
  const type = format === "date" ? "date" : "text";
  return <TextField {...shared} type={type} value={asText(props.value)} onChange={(it) => props.onChange(emptied(it))} placeholder={props.placeholder ?? ""} {...(props.rows && { rows: props.rows })} mono={props.mono ?? false} />;
}

/** A number; what is no number yet stays a text, which the schema refuses in words. */
function NumberInput(props: Props) {
  const shared = useShared(props);
  const number = (text: string) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);
  return <TextField {...shared} type="number" value={asText(props.value)} onChange={(it) => props.onChange(it === "" ? undefined : number(it))} placeholder={props.placeholder ?? ""} />;
}

/** A number, or a text with places that becomes one. */
function TemplateNumber(props: Props) {
  const shared = useShared(props);
  const made = (text: string) => (text === "" ? undefined : /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);
  return <TemplateField {...shared} value={asText(props.value)} onChange={(it) => props.onChange(made(it))} placeholder={props.placeholder ?? ""} />;
}

/** One text, or a list of them: a list is shown one a line, and stays one. */
function TextOrList(props: Props) {
  const shared = useShared(props);
  if (!Array.isArray(props.value)) return <TemplateField {...shared} value={asText(props.value)} onChange={(it) => props.onChange(emptied(it))} placeholder={props.placeholder ?? ""} />;
  return <TemplateField {...shared} rows={3} value={props.value.join("\n")} onChange={(it) => props.onChange(it === "" ? undefined : it.split("\n"))} />;
}

function StageInput(props: Props) {
  const { isReadOnly, ...shared } = useShared(props);
  const { document } = useBuilder();
  const options = stagesOf(document).map((it) => ({ id: it.name, name: it.name, icon: <Dot color={it.color} /> }));
  const own = asText(props.value);
  const gone = own && !options.some((it) => it.id === own) ? [{ id: own, name: `${own} (gone)`, icon: <Dot color={undefined} /> }] : [];
  return <Select {...shared} value={own || null} onChange={(it) => props.onChange(it)} options={[...gone, ...options]} placeholder="Choose a stage" isDisabled={isReadOnly} />;
}

function FieldInput(props: Props) {
  const { isReadOnly, ...shared } = useShared(props);
  const { document } = useBuilder();
  const names = ["Assigned To", ...fieldsOf(document).map((it) => it.name)];
  const own = asText(props.value);
  const all = own && !names.includes(own) ? [own, ...names] : names;
  return <Select {...shared} value={own || null} onChange={(it) => props.onChange(it)} options={all.map((it) => ({ id: it, name: it }))} placeholder="Choose a field" isDisabled={isReadOnly} />;
}

function UserInput(props: Props) {
  const shared = useShared(props);
  const { emails } = useBuilder();
  const more = useMemo(() => [{ title: "People", places: emails.map((it) => ({ name: it, text: it })) }], [emails]);
  // An empty text means nobody, which is not the same as none.
  return <TemplateField {...shared} value={asText(props.value)} onChange={(it) => props.onChange(it)} placeholder={props.placeholder ?? ""} more={more} />;
}

const NONE = "-";

function Choice(props: Props) {
  const { isReadOnly, ...shared } = useShared(props);
  const options = props.options.enumOptions ?? [];
  const preset = props.options["preset"];
  const at = options.findIndex((it) => it.value === props.value);
  const said = (index: number) => `${options[index]?.label ?? ""}`;
  const presetAt = options.findIndex((it) => it.value === preset);
  const none = !props.required || presetAt >= 0 ? [{ id: NONE, name: presetAt >= 0 ? `${said(presetAt)} (default)` : "None" }] : [];
  const choose = (id: string) => props.onChange(id === NONE ? undefined : enumOptionsValueForIndex(id, options, undefined));
  return <Select {...shared} value={at >= 0 ? String(at) : none.length > 0 ? NONE : null} onChange={choose} options={[...none, ...options.map((it, index) => ({ id: String(index), name: it.label }))]} isDisabled={isReadOnly} />;
}

function Radios(props: Props) {
  const { isReadOnly, ...shared } = useShared(props);
  const options = props.options.enumOptions ?? [];
  const at = options.findIndex((it) => it.value === (props.value ?? props.options["preset"]));
  return <RadioGroup {...shared} value={at >= 0 ? String(at) : ""} onChange={(id) => props.onChange(options[Number(id)]?.value)} options={options.map((it, index) => ({ id: String(index), name: it.label }))} isDisabled={isReadOnly} />;
}

function Tick(props: Props) {
  const { isReadOnly, label, description } = useShared(props);
  const preset = props.options["preset"] === true;
  // What is as it would be without being written is not written.
  return (
    <div>
      <Checkbox value={props.value === undefined ? preset : props.value === true} onChange={(it) => props.onChange(it === preset ? undefined : it)} isDisabled={isReadOnly}>
        <span>{description ?? label}</span>
      </Checkbox>
    </div>
  );
}

function Ticks(props: Props) {
  const { isReadOnly, label } = useShared(props);
  const chosen = Array.isArray(props.value) ? (props.value as unknown[]) : [];
  const options = props.options.enumOptions ?? [];
  return (
    <div role="group" aria-label={label}>
      {options.map((option) => (
        <Checkbox key={String(option.value)} value={chosen.includes(option.value)} isDisabled={isReadOnly} onChange={(isOn) => props.onChange(options.map((it) => it.value as unknown).filter((it) => (it === option.value ? isOn : chosen.includes(it))))}>
          {option.label}
        </Checkbox>
      ))}
    </div>
  );
}

const AREA_ROWS = 5;

export const widgets = {
  text: Text,
  textArea: (props: Props) => <Text {...props} rows={AREA_ROWS} />,
  textCode: (props: Props) => <Text {...props} rows={AREA_ROWS} mono />,
  template: Template,
  templateArea: (props: Props) => <Template {...props} rows={AREA_ROWS} />,
  templateCode: (props: Props) => <Template {...props} rows={AREA_ROWS} mono />,
  templateNumber: TemplateNumber,
  textOrList: TextOrList,
  secret: (props: Props) => <Template {...props} places="secrets" />,
  duration: Text,
  stage: StageInput,
  field: FieldInput,
  user: UserInput,
  TextWidget: Text,
  TextareaWidget: (props: Props) => <Text {...props} rows={AREA_ROWS} />,
  EmailWidget: Text,
  URLWidget: Text,
  PasswordWidget: Text,
  DateWidget: Text,
  DateTimeWidget: Text,
  TimeWidget: Text,
  ColorWidget: Text,
  UpDownWidget: NumberInput,
  RangeWidget: NumberInput,
  SelectWidget: (props: Props) => (props.multiple ? <Ticks {...props} /> : (props.options["hints"] as { widget?: string } | undefined)?.widget === "radio" ? <Radios {...props} /> : <Choice {...props} />),
  RadioWidget: Radios,
  CheckboxWidget: Tick,
  CheckboxesWidget: Ticks,
} as unknown as RegistryWidgetsType;
