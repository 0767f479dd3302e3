// Whether a step's parameters are as its type's schema says, told in words and beside the parameter. Without `eval`.
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";

export interface Fault {
  /** A JSON pointer into the parameters. */
  path: string;
  message: string;
}

/** These only say that something below them was wrong. */
const CONTAINERS = ["properties", "items", "additionalProperties", "allOf", "then", "else", "if", "$ref", "dependentSchemas", "patternProperties", "prefixItems"];

export function check(schema: unknown, value: unknown): Fault[] {
  let errors: OutputUnit[];
  try {
    errors = new Validator(schema as Schema, "2020-12", false).validate(value).errors;
  } catch {
    // A schema that this validator cannot read: the server's word counts alone.
    return [];
  }
  const alternatives = errors.filter((it) => it.keyword === "anyOf" || it.keyword === "oneOf").map((it) => it.keywordLocation);
  const told = errors.filter((it) => !CONTAINERS.includes(it.keyword) && !alternatives.some((at) => it.keywordLocation !== at && it.keywordLocation.startsWith(at)));
  const faults = told.map(fault);
  return faults.filter((it, at) => faults.findIndex((other) => other.path === it.path) === at);
}

function fault({ keyword, instanceLocation, error }: OutputUnit): Fault {
  const path = instanceLocation.replace(/^#/, "");
  if (keyword === "required" || keyword === "dependentRequired") {
    const missing = /"([^"]*)"\.$/.exec(error)?.[1];
    if (missing !== undefined) return { path: `${path}/${missing.replaceAll("~", "~0").replaceAll("/", "~1")}`, message: "This is needed." };
  }
  return { path, message: worded(keyword, error) };
}

function worded(keyword: string, error: string): string {
  switch (keyword) {
    case "pattern":
      return "This does not have the form that it needs.";
    case "minLength":
    case "minItems":
    case "minProperties":
      return "This is needed.";
    case "type":
      return "This is not the kind of value that is needed.";
    case "anyOf":
    case "oneOf":
      return "This fits none of what it may be.";
    case "false":
      return "This does not go together with the rest.";
    default:
      return error.replace(/^Instance /, "It ");
  }
}
