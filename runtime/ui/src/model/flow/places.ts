// The places that a text may have, such as {{Company Name}}: what the field picker offers, and how it writes them.
import { type FlowDocument, fieldsOf } from "./document";

export interface Place {
  /** As it is written: `{{Company Name}}`. */
  text: string;
  name: string;
  detail?: string;
}

export interface PlaceGroup {
  title: string;
  places: Place[];
}

/** What a bare name means before fields are looked at. */
export const RESERVED = /^(action$|user\.|execution\.|secrets\.|task\.)/;

/** A field's place. Where its name means something else, `task.` says that the field is meant. */
export function fieldPlace(name: string): string {
  return RESERVED.test(name) ? `{{task.${name}}}` : `{{${name}}}`;
}

const named = (name: string, inner: string, detail?: string): Place => ({ name, text: `{{${inner}}}`, ...(detail && { detail }) });

export function placeGroups(document: FlowDocument, secrets: string[] = []): PlaceGroup[] {
  const fields = fieldsOf(document).map((field): Place => ({ name: field.name, text: fieldPlace(field.name) }));
  const groups = [
    { title: "Task", places: [named("Stage", "Stage"), named("Assigned To", "Assigned To"), ...fields] },
    {
      title: "Who performs it",
      places: [named("Email", "user.email"), named("First name", "user.first_name"), named("Last name", "user.last_name"), named("User id", "user.id")],
    },
    { title: "Action", places: [named("Name of the action", "action"), named("Execution id", "execution.id")] },
    { title: "Secrets", places: secrets.map((name) => named(name, `secrets.${name}`)) },
  ];
  return groups.filter((group) => group.places.length > 0);
}

/** Writes a place over what is selected. Says where the caret is afterwards. */
export function insert(text: string, place: string, start: number, end: number): { text: string; caret: number } {
  const [from, to] = [Math.min(start, text.length), Math.min(Math.max(start, end), text.length)];
  return { text: text.slice(0, from) + place + text.slice(to), caret: from + place.length };
}
