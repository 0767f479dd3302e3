// The filter while its panel is closed: each test in words, to be taken away.
import { X } from "lucide-react";
import { Button as AriaButton } from "react-aria-components";
import type { Column } from "../../model/tasks/columns";
import { type Test, isComplete, sentence } from "../../model/tasks/filters";
import { shown } from "../../model/tasks/values";
import styles from "./Chips.module.css";
import { usePeople } from "../../parts/task/people";

export function Chips({ workflow, columns, tests, onChange }: { workflow: string; columns: Column[]; tests: Test[]; onChange: (tests: Test[]) => void }) {
  const { names } = usePeople(workflow);
  const asked = tests.flatMap((test) => {
    const column = columns.find((it) => it.name === test.field);
    if (!column || !isComplete(test)) return [];
    // A choice of several is asked for one of them.
    const kind = column.kind === "multipleSelect" ? "text" : column.kind;
    return [{ test, text: sentence(test, column.kind, (value) => shown(kind, value, names)) }];
  });
  if (asked.length === 0) return null;
  return (
    <ul className={styles.chips} aria-label="Filter">
      {asked.map(({ test, text }, index) => (
        <li key={index} className={styles.chip}>
          {text}
          <AriaButton className={styles.remove!} aria-label={`Remove: ${text}`} onPress={() => onChange(tests.filter((it) => it !== test))}>
            <X aria-hidden />
          </AriaButton>
        </li>
      ))}
    </ul>
  );
}
