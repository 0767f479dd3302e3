// Tests of a task: a field, an operator, a value. Requirements have them, and so have steps with conditions.
import { Plus, X } from "lucide-react";
import { Button as AriaButton } from "react-aria-components";
import { type Subject, operatorIn, operatorsOf, testOf, valueKind } from "../../model/flow/conditions";
import type { Test } from "../../model/flow/document";
import { type Operator, operatorName } from "../../model/operators";
import { IconButton } from "../../parts/Button";
import { Checkbox, Select, TextField } from "../../parts/Field";
import styles from "./Panel.module.css";

interface Props {
  tests: Test[];
  subjects: Subject[];
  emails: string[];
  isDisabled?: boolean;
  wide?: boolean;
  onChange: (tests: Test[], key?: string) => void;
}

export function Tests({ tests, subjects, emails, isDisabled = false, wide = false, onChange }: Props) {
  const set = (at: number, test: Test, key?: string) => onChange(tests.map((it, index) => (index === at ? test : it)), key && `${key} ${at}`);
  return (
    <div className={`${styles.tests} ${wide ? styles.wideTests : ""}`}>
      {tests.map((test, index) => (
        <OneTest key={index} number={index + 1} test={test} subjects={subjects} emails={emails} isDisabled={isDisabled} onChange={(next, key) => set(index, next, key)} onRemove={tests.length > 1 || wide ? () => onChange(tests.filter((_, at) => at !== index)) : undefined} />
      ))}
      {!isDisabled && (
        <AriaButton className={styles.add!} onPress={() => onChange([...tests, testOf(subjects[0]!)])}>
          <Plus aria-hidden />
          New test
        </AriaButton>
      )}
    </div>
  );
}

interface OneProps {
  number: number;
  test: Test;
  subjects: Subject[];
  emails: string[];
  isDisabled: boolean;
  onChange: (test: Test, key?: string) => void;
  onRemove: (() => void) | undefined;
}

function OneTest({ number, test, subjects, emails, isDisabled, onChange, onRemove }: OneProps) {
  const subject = subjects.find((it) => it.name === test.field) ?? { name: test.field, type: "text" };
  const operator = operatorIn(test) ?? operatorsOf(subject.type)[0]!;
  const names = subjects.some((it) => it.name === test.field) ? subjects : [subject, ...subjects];
  const choose = (name: string) => {
    const next = subjects.find((it) => it.name === name);
    if (next) onChange(testOf(next, operatorsOf(next.type).includes(operator) ? operator : undefined, next.type === subject.type ? test : undefined));
  };
  return (
    <div className={styles.test} role="group" aria-label={`Test ${number}`}>
      <Select label="Field" hideLabel value={test.field} onChange={choose} options={names.map((it) => ({ id: it.name, name: it.name }))} isDisabled={isDisabled} />
      {onRemove && !isDisabled ? <IconButton label={`Remove test ${number}`} icon={<X />} onPress={onRemove} /> : <span />}
      <div className={styles.operator}>
        <Select
          label="Operator"
          hideLabel
          value={operator}
          onChange={(id) => onChange(testOf(subject, id as Operator, test))}
          options={operatorsOf(subject.type).map((it) => ({ id: it, name: operatorName(it, subject.type) }))}
          isDisabled={isDisabled}
        />
      </div>
      <div className={styles.testValue}>
        <Value subject={subject} operator={operator} value={test[operator]} emails={emails} isDisabled={isDisabled} onChange={(value, key) => onChange({ field: test.field, [operator]: value }, key)} />
      </div>
    </div>
  );
}

interface ValueProps {
  subject: Subject;
  operator: Operator;
  value: unknown;
  emails: string[];
  isDisabled: boolean;
  onChange: (value: unknown, key?: string) => void;
}

const YES = "yes";

function Value({ subject, operator, value, emails, isDisabled, onChange }: ValueProps) {
  const kind = valueKind(subject.type, operator);
  const shared = { label: "Value", hideLabel: true, isDisabled } as const;
  const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
  if (kind === "flag") {
    const words = operator === "is_set" ? ["yes", "no"] : ["ticked", "not ticked"];
    return <Select {...shared} value={value === false ? "no" : YES} onChange={(id) => onChange(id === YES)} options={[{ id: YES, name: words[0]! }, { id: "no", name: words[1]! }]} />;
  }
  if (kind === "option") return <Select {...shared} value={text || null} onChange={(id) => onChange(id)} options={(subject.options ?? []).map((it) => ({ id: it, name: it }))} />;
  if (kind === "options") {
    const chosen = Array.isArray(value) ? (value as string[]) : [];
    return (
      <div role="group" aria-label="Values" className={styles.checks}>
        {(subject.options ?? []).map((it) => (
          <Checkbox key={it} value={chosen.includes(it)} isDisabled={isDisabled} onChange={(isOn) => onChange((subject.options ?? []).filter((one) => (one === it ? isOn : chosen.includes(one))))}>
            {it}
          </Checkbox>
        ))}
      </div>
    );
  }
  if (kind === "list") {
    const lines = Array.isArray(value) ? value.map(String) : [];
    return <TextField {...shared} label="Values, one a line" rows={3} value={lines.join("\n")} onChange={(next) => onChange(next === "" ? [] : next.split("\n"), "list")} />;
  }
  if (subject.type === "person" && emails.length > 0) {
    const all = emails.includes(text) || text === "" ? emails : [text, ...emails];
    return <Select {...shared} value={text || null} onChange={(id) => onChange(id)} options={all.map((it) => ({ id: it, name: it }))} />;
  }
  const placeholder = kind === "date" ? "2026-01-31, or today" : kind === "number" ? "Number" : "Value";
  return <TextField {...shared} type={kind === "number" ? "number" : "text"} placeholder={placeholder} value={text} onChange={(next) => onChange(next, "value")} />;
}
