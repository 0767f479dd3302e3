// Above the table: a new task, how many there are, the search, the filter and the columns.
import { Columns3, Filter, Plus, Search, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button as AriaButton, Dialog, DialogTrigger, Input, SearchField } from "react-aria-components";
import type { Column } from "../../model/tasks/columns";
import { isComplete } from "../../model/tasks/filters";
import { SEARCH_CHARS_MAX, type View } from "../../model/tasks/view";
import { Button } from "../../parts/Button";
import { Checkbox } from "../../parts/Field";
import { Popup } from "../../parts/Popup";
import styles from "./Toolbar.module.css";

interface ToolbarProps {
  view: View;
  onChange: (view: View) => void;
  columns: Column[];
  hidden: string[];
  onHide: (hidden: string[]) => void;
  matching: number | undefined;
  total: number | undefined;
  isFiltering: boolean;
  onFilter: () => void;
  onNew?: () => void;
}

export function Toolbar({ view, onChange, columns, hidden, onHide, matching, total, isFiltering, onFilter, onNew }: ToolbarProps) {
  const filters = view.tests.filter((it) => isComplete(it)).length;
  return (
    <div className={styles.bar}>
      {onNew && (
        <Button look="primary" icon={<Plus aria-hidden />} onPress={onNew}>
          New task
        </Button>
      )}
      <span className={styles.count} role="status">
        {counted(matching, total)}
      </span>
      <span className={styles.space} />
      <SearchBox value={view.search} onChange={(search) => onChange({ ...view, search })} />
      <Button icon={<Filter aria-hidden />} onPress={onFilter} aria-expanded={isFiltering} aria-controls="task-filters" look={filters > 0 ? "plain" : "quiet"}>
        {filters > 0 ? `Filter (${filters})` : "Filter"}
      </Button>
      <ColumnsButton columns={columns} hidden={hidden} onHide={onHide} />
    </div>
  );
}

function counted(matching: number | undefined, total: number | undefined): string {
  if (matching === undefined || total === undefined) return "";
  const tasks = total === 1 ? "task" : "tasks";
  return matching === total ? `${total.toLocaleString()} ${tasks}` : `${matching.toLocaleString()} of ${total.toLocaleString()} ${tasks}`;
}

/** What is typed counts after a moment, so that not each letter is a question. */
const TYPED_MS = 250;

function SearchBox({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  // The address may change without being typed into: by going back, or by clearing.
  useEffect(() => {
    if (value !== sent.current) {
      sent.current = value;
      setTyped(value);
    }
  }, [value]);
  useEffect(() => {
    if (typed === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = typed;
      latest.current(typed);
    }, TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <SearchField className={styles.search!} value={typed} onChange={setTyped} aria-label="Search tasks">
      <Search aria-hidden />
      <Input className={styles.input!} placeholder="Search" maxLength={SEARCH_CHARS_MAX} />
      {typed && (
        <AriaButton className={styles.clear!} aria-label="Clear search">
          <X aria-hidden />
        </AriaButton>
      )}
    </SearchField>
  );
}

function ColumnsButton({ columns, hidden, onHide }: { columns: Column[]; hidden: string[]; onHide: (hidden: string[]) => void }) {
  const [, ...others] = columns;
  const isHidden = others.filter((it) => hidden.includes(it.name)).length;
  return (
    <DialogTrigger>
      <Button icon={<Columns3 aria-hidden />} look={isHidden > 0 ? "plain" : "quiet"}>
        {isHidden > 0 ? `Columns (${isHidden} hidden)` : "Columns"}
      </Button>
      <Popup className={styles.popover} placement="bottom end">
        <Dialog className={styles.dialog!} aria-label="Columns">
          {others.map(({ name }) => (
            <Checkbox key={name} value={!hidden.includes(name)} onChange={(on) => onHide(on ? hidden.filter((it) => it !== name) : [...hidden, name])}>
              {name}
            </Checkbox>
          ))}
          <div className={styles.all}>
            <Button small onPress={() => onHide([])}>
              Show all
            </Button>
            <Button small onPress={() => onHide(others.map((it) => it.name))}>
              Hide all
            </Button>
          </div>
        </Dialog>
      </Popup>
    </DialogTrigger>
  );
}
