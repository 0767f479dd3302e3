// A step type's JSON Schema, made ready for a form: hints become widgets, alternatives that are one input become one.

export type Schema = { [key: string]: unknown };

interface Hints {
  secret?: boolean;
  template?: string;
  widget?: string;
  group?: string;
  order?: number;
  placeholder?: string;
  showIf?: Record<string, unknown>;
}

/** What a form needs beside the schema, as @rjsf has it. */
export type UiSchema = { [key: string]: unknown };

export interface Prepared {
  schema: Schema;
  uiSchema: UiSchema;
}

/** What every step type has, and what few people change. */
const MORE = ["timeout", "retry"];
const DURATION = "(ms|s|m|h|d)";
const isObject = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);

/** `webhook_url` → `Webhook URL`. */
export function titled(name: string): string {
  const words = name.replace(/([a-z])([A-Z])/g, "$1 $2").split(/[_\s-]+/).filter(Boolean);
  const known: Record<string, string> = { url: "URL", id: "ID", api: "API", ca: "CA", cc: "Cc", bcc: "Bcc", html: "HTML", tls: "TLS", json: "JSON", ip: "IP" };
  const said = words.map((word) => known[word.toLowerCase()] ?? word.toLowerCase()).join(" ");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

export function prepare(schema: Schema): Prepared {
  const root = resolved(schema, schema, 0);
  return node(root, "", false);
}

const DEEP_MAX = 8;

/** With what `$ref` names in its place: forms look at hints, which stand beside both. */
function resolved(value: Schema, root: Schema, depth: number): Schema {
  let whole = value;
  const ref = value["$ref"];
  if (typeof ref === "string" && ref.startsWith("#/") && depth < DEEP_MAX) {
    const found = ref.slice(2).split("/").reduce<unknown>((at, key) => (isObject(at) ? at[key.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined), root);
    if (isObject(found)) {
      const { $ref: _, ...own } = value;
      whole = { ...found, ...own };
    }
  }
  if (depth >= DEEP_MAX) return whole;
  const below = (it: unknown): unknown => (Array.isArray(it) ? it.map(below) : isObject(it) ? resolved(it, root, depth + 1) : it);
  return Object.fromEntries(Object.entries(whole).map(([key, it]) => [key, key === "default" || key === "const" || key === "enum" || key === "x-onward" ? it : below(it)]));
}

function node(schema: Schema, name: string, isMore: boolean): Prepared {
  const hints = (schema["x-onward"] as Hints | undefined) ?? {};
  const { "x-onward": _hints, default: preset, ...plain } = schema;
  const ui: UiSchema = { "ui:options": { hints: { ...hints, ...(isMore && !hints.group && { group: "More" }) }, ...(preset !== undefined && { preset }) } };
  const placeholder = hints.placeholder ?? (typeof preset === "string" || typeof preset === "number" ? String(preset) : undefined);
  if (placeholder !== undefined) ui["ui:placeholder"] = placeholder;
  const titledSchema = { title: titled(name), ...plain };
  const widget = hints.widget;
  if (widget === "fields" || widget === "condition") return { schema: titledSchema, uiSchema: { ...ui, "ui:field": widget } };
  const one = oneInput(plain, hints);
  if (one) return { schema: { ...one.schema, title: plain["title"] ?? titled(name), ...(plain["description"] !== undefined && { description: plain["description"] }) }, uiSchema: { ...ui, "ui:widget": one.widget } };
  if (isObject(plain["properties"]) && !Array.isArray(plain["type"])) return object(titledSchema, ui, name === "");
  if (plain["type"] === "object" && plain["additionalProperties"] !== false) return { schema: titledSchema, uiSchema: { ...ui, "ui:field": "pairs" } };
  if (plain["type"] === "array" && isObject(plain["items"])) {
    const items = node(plain["items"], name.replace(/s$/, ""), false);
    return { schema: { ...titledSchema, items: items.schema }, uiSchema: { ...ui, items: items.uiSchema } };
  }
  return { schema: choices(titledSchema), uiSchema: ui };
}

function object(schema: Schema, ui: UiSchema, isRoot: boolean): Prepared {
  const entries = Object.entries(schema["properties"] as Record<string, Schema | boolean>).filter((entry): entry is [string, Schema] => isObject(entry[1]));
  const order = (it: Schema) => (it["x-onward"] as Hints | undefined)?.order ?? 0;
  const sorted = entries.map((entry, index) => ({ entry, index })).sort((a, b) => order(a.entry[1]) - order(b.entry[1]) || a.index - b.index);
  const properties: Record<string, Schema> = {};
  for (const { entry: [key, value] } of sorted) {
    const made = node(value, key, isRoot && MORE.includes(key));
    properties[key] = made.schema;
    ui[key] = made.uiSchema;
  }
  // How alternatives go together the server says, and the validator here; the form shows all that there may be.
  const { allOf: _a, anyOf: _b, oneOf: _c, if: _d, then: _e, else: _f, not: _g, minProperties: _h, maxProperties: _i, dependentRequired: _j, ...rest } = schema;
  return { schema: { ...rest, type: "object", properties }, uiSchema: ui };
}

const typesOf = (schema: Schema): string[] => (Array.isArray(schema["type"]) ? (schema["type"] as string[]) : typeof schema["type"] === "string" ? [schema["type"]] : []).filter((it) => it !== "null");

/** A schema that one input of text is enough for, and which input that is. */
function oneInput(schema: Schema, hints: Hints): { schema: Schema; widget: string } | undefined {
  const text = (widget: string) => ({ schema: { type: "string" }, widget });
  const types = typesOf(schema);
  if (hints.secret) return text("secret");
  if (hints.widget === "stage" || hints.widget === "field" || hints.widget === "user" || hints.widget === "duration") return text(hints.widget);
  if (types.includes("string") && typeof schema["pattern"] === "string" && schema["pattern"].includes(DURATION)) return text("duration");
  const alternatives = (schema["anyOf"] ?? schema["oneOf"]) as Schema[] | undefined;
  if (Array.isArray(alternatives) && alternatives.some((it) => typeof it["pattern"] === "string" && it["pattern"].includes("\\{\\{"))) {
    const other = alternatives.flatMap(typesOf);
    return text(other.some((it) => it === "integer" || it === "number") ? "templateNumber" : area(hints, "template"));
  }
  if (types.includes("string") && types.includes("array") && types.length === 2) return text("textOrList");
  if (types.length === 1 && types[0] === "string" && !schema["enum"] && !schema["oneOf"] && schema["format"] === undefined) {
    if (hints.template) return text(area(hints, "template"));
    if (hints.widget === "password") return text("secret");
    return text(area(hints, "text"));
  }
  if (types.length > 1 && types.every((it) => it === "string" || it === "number" || it === "integer")) return text("templateNumber");
  return undefined;
}

const area = (hints: Hints, kind: "template" | "text"): string => (hints.widget === "code" ? `${kind}Code` : hints.widget === "textarea" ? `${kind}Area` : kind);

/** One of several constants, each with its words, is a choice. */
function choices(schema: Schema): Schema {
  const types = typesOf(schema);
  const alternatives = schema["oneOf"];
  if (Array.isArray(alternatives) && alternatives.every((it) => isObject(it) && "const" in it)) {
    const titledOnes = (alternatives as Schema[]).map((it) => ({ ...it, title: it["title"] ?? String(it["const"]) }));
    return { ...schema, type: types[0] ?? "string", oneOf: titledOnes };
  }
  return types.length === 1 ? { ...schema, type: types[0]! } : schema;
}

/** Whether something is shown: `showIf` names other fields of the same object, and the values that they must have. */
export function isShown(hints: unknown, values: unknown, presets: Record<string, unknown> = {}): boolean {
  const wanted = (hints as Hints | undefined)?.showIf;
  if (!wanted) return true;
  const own = isObject(values) ? values : {};
  return Object.entries(wanted).every(([key, value]) => {
    const held = own[key] ?? presets[key];
    return Array.isArray(value) ? value.includes(held) : held === value;
  });
}
