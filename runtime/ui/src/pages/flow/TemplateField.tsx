// A text that may have places such as {{Company Name}}, with the field picker that writes them where the caret is.
import { Braces } from "lucide-react";
import { type ReactNode, useCallback, useRef } from "react";
import { type PlaceGroup, insert, placeGroups } from "../../model/flow/places";
import { IconButton } from "../../parts/Button";
import { TextField } from "../../parts/Field";
import { SearchMenu } from "./SearchMenu";
import { useBuilder } from "./state";

interface Props {
  label: string;
  hideLabel?: boolean;
  description?: ReactNode;
  error?: string | undefined;
  value: string;
  onChange: (value: string) => void;
  onBlur?: () => void;
  placeholder?: string;
  rows?: number;
  mono?: boolean;
  isRequired?: boolean;
  isReadOnly?: boolean;
  autoFocus?: boolean;
  /** Which places: all of them, or secrets alone where nothing else may stand. */
  places?: "all" | "secrets";
  /** Further ones, such as people. */
  more?: PlaceGroup[];
}

export function TemplateField({ places = "all", more, value, onChange, ...field }: Props) {
  const { document, secrets } = useBuilder();
  const input = useRef<HTMLInputElement | HTMLTextAreaElement>(null);
  const groupsFor = useCallback(
    (search: string) => {
      const known = [...(more ?? []), ...placeGroups(document, secrets)].filter((group) => places === "all" || group.title === "Secrets");
      const word = search.toLowerCase();
      return known
        .map((group) => ({
          id: group.title,
          title: group.title,
          entries: group.places.filter((it) => `${it.name} ${it.text}`.toLowerCase().includes(word)).map((it) => ({ id: it.text, name: it.name, ...(it.text !== it.name && { detail: it.text }) })),
        }))
        .filter((group) => group.entries.length > 0);
    },
    [document, secrets, places, more],
  );
  const choose = (place: string) => {
    const { selectionStart, selectionEnd } = input.current ?? {};
    const end = value.length;
    const next = places === "secrets" ? { text: place, caret: place.length } : insert(value, place, selectionStart ?? end, selectionEnd ?? end);
    onChange(next.text);
    // When the menu has gone, and given the focus back to its button.
    setTimeout(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.caret, next.caret);
    }, 60);
  };
  const none = places === "secrets" ? "No secret is known here. Administrators make them on the page Secrets." : "There is no such place.";
  const picker = (
    <SearchMenu label={`Places for ${field.label}`} search="Search fields" none={none} groupsFor={groupsFor} onChoose={choose}>
      <IconButton small look="plain" label={`Insert a ${places === "secrets" ? "secret" : "field"} into ${field.label}`} icon={<Braces />} />
    </SearchMenu>
  );
  return <TextField {...field} value={value} onChange={onChange} inputRef={input} {...(!field.isReadOnly && { end: picker })} />;
}
