// The filter: tests that must all hold, in the words of requirements' conditions. One that is not finished is kept here and asks nothing yet.
import { Plus, X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Schemas } from "../../api/client";
import { operatorName } from "../../model/operators";
import type { Column } from "../../model/tasks/columns";
import { TESTS_MAX, type Test, isComplete, newTest, operatorsOf, takesValue, withOperator } from "../../model/tasks/filters";
import { Button, IconButton } from "../../parts/Button";
import { Checkbox, Select, TextField } from "../../parts/Field";
import type { Option } from "../../parts/Options";
import { Avatar, Dot } from "../../parts/Marks";
import styles from "./FilterPanel.module.css";
import { type People, usePeople } from "../../parts/task/people";
import { toggled } from "../../parts/task/ValueInput";

interface FilterPanelProps {
  workflow: string;
  columns: Column[];
  stages: Schemas["Stage"][];
  tests: Test[];
  /** What the server says of those that it cannot ask, by their places. */
  refused: Map<number, string>;
  onChange: (tests: Test[]) => void;
}

/** What is typed counts after a moment. */
const TYPED_MS = 300;

export function FilterPanel({ workflow, columns, stages, tests, refused, onChange }: FilterPanelProps) {
  const people = usePeople(workflow);
  const [drafts, setDrafts] = useState(tests);
  const sent = useRef(JSON.stringify(tests));
  const latest = useRef(onChange);
  latest.current = onChange;
  const isAsked = (test: Test) => isComplete(test, columns.find((it) => it.name === test.field)?.kind);
  const complete = drafts.filter(isAsked);
  const asked = JSON.stringify(complete);
  // Another address, by going back or by clearing, has other tests.
  const given = JSON.stringify(tests);
  useEffect(() => {
    if (given === sent.current) return;
    sent.current = given;
    setDrafts(JSON.parse(given) as Test[]);
  }, [given]);
  useEffect(() => {
    if (asked === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = asked;
      latest.current(JSON.parse(asked) as Test[]);
    }, TYPED_MS);
    return () => clearTimeout(timer);
  }, [asked]);

  const filterable = columns.filter((it) => operatorsOf(it.kind).length > 0);
  const set = (index: number, test: Test) => setDrafts(drafts.map((it, at) => (at === index ? test : it)));
  const add = () => setDrafts([...drafts, newTest(filterable[0]!)]);
  return (
    <section id="task-filters" className={styles.panel} aria-label="Filter">
      {drafts.length === 0 && <p className={styles.quiet}>Show only tasks for which all of this holds:</p>}
      {drafts.map((test, index) => {
        const column = columns.find((it) => it.name === test.field);
        const error = isAsked(test) ? refused.get(complete.indexOf(test)) : undefined;
        return (
          <div key={index} className={styles.test} role="group" aria-label={`Condition ${index + 1}`}>
            <div className={styles.field}>
              <Select
                label="Field"
                hideLabel
                value={column ? test.field : null}
                onChange={(name) => set(index, newTest(columns.find((it) => it.name === name)!))}
                options={filterable.map(({ name }) => ({ id: name, name }))}
              />
            </div>
            {column && (
              <>
                <div className={styles.operator}>
                  <Select
                    label="Condition"
                    hideLabel
                    value={test.operator}
                    onChange={(operator) => set(index, withOperator(test, operator as Test["operator"], column.kind))}
                    options={operatorsOf(column.kind).map((id) => ({ id, name: operatorName(id, column.kind) }))}
                  />
                </div>
                <div className={styles.value}>{takesValue(test.operator) && <Value test={test} column={column} stages={stages} people={people} error={error} onChange={(value) => set(index, { ...test, value })} />}</div>
              </>
            )}
            <IconButton label={`Remove condition ${index + 1}`} icon={<X />} onPress={() => setDrafts(drafts.filter((_, at) => at !== index))} />
          </div>
        );
      })}
      <div className={styles.buttons}>
        <Button small icon={<Plus aria-hidden />} onPress={add} isDisabled={drafts.length >= TESTS_MAX || filterable.length === 0}>
          Add a condition
        </Button>
        {drafts.length > 0 && (
          <Button small look="quiet" onPress={() => setDrafts([])}>
            Clear
          </Button>
        )}
      </div>
    </section>
  );
}

interface ValueProps {
  test: Test;
  column: Column;
  stages: Schemas["Stage"][];
  people: People;
  error: string | undefined;
  onChange: (value: Test["value"]) => void;
}

const INPUT_TYPES = { number: "number", currency: "number", date: "date", datetime: "datetime-local" } as const;

function Value({ test, column, stages, people, error, onChange }: ValueProps) {
  const { kind } = column;
  if (kind === "checkbox") {
    const options = [{ id: "true", name: "ticked" }, { id: "false", name: "not ticked" }];
    return <Select label="Value" hideLabel value={String(test.value)} onChange={(id) => onChange(id === "true")} options={options} />;
  }
  const options = optionsOf(column, stages, people);
  if (options && Array.isArray(test.value)) {
    const chosen = test.value;
    return (
      <Several>
        {options.map((it) => (
          <Checkbox key={it.id} value={chosen.includes(it.id)} onChange={(on) => onChange(toggled(chosen, it.id, on))}>
            {it.icon}
            {it.name}
          </Checkbox>
        ))}
      </Several>
    );
  }
  const text = String(test.value);
  if (options) return <Select label="Value" hideLabel value={text || null} onChange={onChange} options={options} />;
  return <TextField label="Value" hideLabel value={text} onChange={onChange} type={INPUT_TYPES[kind as keyof typeof INPUT_TYPES] ?? "text"} placeholder="Value" error={error} />;
}

function Several({ children }: { children: ReactNode }) {
  return (
    <div className={styles.several} role="group" aria-label="Values">
      {children}
    </div>
  );
}

/** What can be chosen from; undefined where it is typed. */
function optionsOf({ kind, field }: Column, stages: Schemas["Stage"][], people: People): Option[] | undefined {
  switch (kind) {
    case "stage":
      return stages.map(({ name, color }) => ({ id: name, name, icon: <Dot color={color} /> }));
    case "assignee":
    case "person":
      return people.list.map(({ email, name }) => ({ id: email, name, icon: <Avatar name={name} /> }));
    case "singleSelect":
    case "multipleSelect":
      return (field?.options ?? []).map((name) => ({ id: name, name }));
    default:
      return undefined;
  }
}
