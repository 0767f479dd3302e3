// Which executions are listed: each filter a control of its own.
import { X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { type Filters, WITHIN, type Within, defined, stateChoices } from "../../model/runs/filters";
import { fromLocal, toLocal } from "../../model/times";
import { Button } from "../../parts/Button";
import { Select, TextField } from "../../parts/Field";
import styles from "./Executions.module.css";

interface FilterBarProps {
  filters: Filters;
  actions: { id: string; name: string }[];
  onChange: (filters: Filters) => void;
}

const STATES = stateChoices();
const ANY = "any";
const RANGE = "range";
const TYPING_MS = 400;

const TIMES = [{ id: ANY, name: "Any time" }, ...Object.entries(WITHIN).map(([id, { name }]) => ({ id, name })), { id: RANGE, name: "From … to …" }];

export function FilterBar({ filters, actions, onChange }: FilterBarProps) {
  const { state, status, action, within, since, until } = filters;
  const [hasRange, setRange] = useState(Boolean(since || until));
  const time = within ?? (hasRange || since || until ? RANGE : ANY);
  const known = action === undefined || actions.some((it) => it.id === action);
  const isFiltered = Object.keys(filters).length > 0;

  const chooseTime = (id: string) => {
    setRange(id === RANGE);
    const { within: _, since: __, until: ___, ...rest } = filters;
    onChange(id === ANY || id === RANGE ? rest : { ...rest, within: id as Within });
  };
  const chooseState = (id: string) => {
    const { state: _, status: __, ...rest } = filters;
    onChange({ ...rest, ...STATES.find((it) => it.id === id)?.filters });
  };
  const set = (changed: { [K in keyof Filters]: Filters[K] | undefined }) => onChange(defined<Filters>({ ...filters, ...changed }));

  return (
    <div className={styles.filters} role="group" aria-label="Filters">
      <Select label="State" value={state ?? status ?? ANY} onChange={chooseState} options={STATES} />
      <Select
        label="Action"
        value={action ?? ANY}
        onChange={(id) => set({ action: id === ANY ? undefined : id })}
        options={[{ id: ANY, name: "Any" }, ...actions, ...(known ? [] : [{ id: action!, name: action! }])]}
      />
      <TaskFilter task={filters.task ?? ""} onChange={(task) => set({ task: task || undefined })} />
      <Select label="Performed" value={time} onChange={chooseTime} options={TIMES} />
      {time === RANGE && (
        <>
          <div className={styles.range}>
            <TextField label="From" type="datetime-local" value={toLocal(since)} onChange={(text) => set({ since: fromLocal(text) })} />
          </div>
          <div className={styles.range}>
            <TextField label="To" type="datetime-local" value={toLocal(until)} onChange={(text) => set({ until: fromLocal(text) })} />
          </div>
        </>
      )}
      {isFiltered && (
        <div className={styles.clear}>
          <Button
            look="quiet"
            icon={<X aria-hidden />}
            onPress={() => {
              setRange(false);
              onChange({});
            }}
          >
            Clear filters
          </Button>
        </div>
      )}
    </div>
  );
}

/** Asked for when somebody pauses, not at each letter. */
function TaskFilter({ task, onChange }: { task: string; onChange: (task: string) => void }) {
  const [text, setText] = useState(task);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => setText(task), [task]);
  useEffect(() => {
    if (text.trim() === task) return;
    const timer = setTimeout(() => latest.current(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, task]);
  return <TextField label="Task" type="search" value={text} onChange={setText} placeholder="Unique ID" maxLength={200} />;
}
