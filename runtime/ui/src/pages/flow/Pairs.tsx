// Names with values: headers, fields with what they are set to, places of an answer.
import { CircleMinus, Plus } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Button as AriaButton } from "react-aria-components";
import { type Pair, pairsOf, pairsTo } from "../../model/flow/apicall";
import { same } from "../../model/flow/document";
import { IconButton } from "../../parts/Button";
import { Select, TextField } from "../../parts/Field";
import styles from "./Form.module.css";
import panel from "./Panel.module.css";
import { TemplateField } from "./TemplateField";

interface Props {
  legend: string;
  description?: ReactNode;
  error?: string | undefined;
  /** What one of them is called: `header`. */
  what: string;
  value: unknown;
  onChange: (value: Record<string, string> | undefined) => void;
  isReadOnly?: boolean;
  /** Rows that are there always, and cannot be changed. */
  locked?: ReactNode;
  /** The names that there are; without it, any. */
  names?: string[];
  /** Whether a value may have places. */
  isTemplate?: boolean;
  valueLabel?: string;
  valuePlaceholder?: string;
  problemOf?: (pairs: Pair[], name: string) => string | undefined;
}

export function Pairs({ legend, description, error, what, value, onChange, isReadOnly = false, locked, names, isTemplate = true, valueLabel = "Value", valuePlaceholder, problemOf }: Props) {
  // While it is typed a name may be empty, or be there twice: so the rows are kept here.
  const [rows, setRows] = useState(() => pairsOf(value));
  useEffect(() => {
    setRows((before) => (same(pairsTo(before), value) ? before : pairsOf(value)));
  }, [value]);
  const set = (next: Pair[]) => {
    setRows(next);
    onChange(pairsTo(next));
  };
  const put = (at: number, pair: Pair) => set(rows.map((it, index) => (index === at ? pair : it)));
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>{legend}</legend>
      {description && <p className={styles.description}>{description}</p>}
      <div className={styles.pairs}>
        {locked}
        {rows.map(([name, text], index) => (
          <div className={styles.pair} key={index}>
            {names ? (
              <Select label={`Name of ${what} ${index + 1}`} hideLabel placeholder="Choose a field" value={name || null} onChange={(it) => put(index, [it, text])} options={choices(names, name, rows).map((it) => ({ id: it, name: it }))} isDisabled={isReadOnly} />
            ) : (
              <TextField label={`Name of ${what} ${index + 1}`} hideLabel placeholder="Name" value={name} onChange={(it) => put(index, [it, text])} error={problemOf?.(rows, name)} isReadOnly={isReadOnly} />
            )}
            {isTemplate ? (
              <TemplateField label={`${valueLabel} of ${what} ${index + 1}`} hideLabel placeholder={valuePlaceholder ?? valueLabel} value={text} onChange={(it) => put(index, [name, it])} isReadOnly={isReadOnly} />
            ) : (
              <TextField label={`${valueLabel} of ${what} ${index + 1}`} hideLabel placeholder={valuePlaceholder ?? valueLabel} value={text} onChange={(it) => put(index, [name, it])} isReadOnly={isReadOnly} mono />
            )}
            {!isReadOnly && <IconButton label={`Remove ${what} ${index + 1}`} icon={<CircleMinus />} onPress={() => set(rows.filter((_, at) => at !== index))} />}
          </div>
        ))}
      </div>
      {error && <p className={styles.error}>{error}</p>}
      {!isReadOnly && (
        <AriaButton className={panel.add!} onPress={() => setRows([...rows, ["", ""]])}>
          <Plus aria-hidden />
          {`Add ${what}`}
        </AriaButton>
      )}
    </fieldset>
  );
}

/** Each name once; its own is always there. */
function choices(names: string[], own: string, rows: Pair[]): string[] {
  const taken = new Set(rows.map(([name]) => name));
  const free = names.filter((it) => it === own || !taken.has(it));
  return own && !names.includes(own) ? [own, ...free] : free;
}
