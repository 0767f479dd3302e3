// A new API key: its name, what it may do where and how long; then its secret, shown once.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { keysQuery } from "../../api/administration";
import { ApiError, type Schemas, answer, client } from "../../api/client";
import { workflowsQuery } from "../../api/queries";
import { ROOT } from "../../api/root";
import { LIFETIMES, type Lifetime, SCOPES, type Scope, endOf, example, keyProblem } from "../../model/keys/key";
import { Button } from "../../parts/Button";
import { CopyBlock } from "../../parts/Copy";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { Checkbox, RadioGroup, Select, TextField } from "../../parts/Field";
import { Notice } from "../../parts/States";
import { told } from "../../parts/Toasts";
import styles from "./Keys.module.css";

const WHERE = [
  { id: "all", name: "In all workflows, those to come too" },
  { id: "some", name: "Only in some" },
];

export function NewKeyDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<Schemas["NewKey"]>();
  if (made) {
    return (
      <Modal title={`The key “${made.name}”`} isOpen onClose={onClose} isKept wide>
        <KeyShown made={made} />
        <DialogButtons>
          <Button look="primary" onPress={onClose}>
            Done
          </Button>
        </DialogButtons>
      </Modal>
    );
  }
  return (
    <Modal title="New key" isOpen onClose={onClose}>
      <KeyForm onMade={setMade} onClose={onClose} />
    </Modal>
  );
}

function KeyShown({ made }: { made: Schemas["NewKey"] }) {
  return (
    <>
      <Notice kind="warn" title="This secret is shown once">
        Keep it where your program finds it. Who loses it makes another key.
      </Notice>
      <CopyBlock text={made.key} label="Copy the key" />
      {made.scopes.includes("read") && (
        <>
          <p>Try it:</p>
          <CopyBlock text={example(location.origin + ROOT, made.key, made.workflows?.[0])} label="Copy the command" />
        </>
      )}
    </>
  );
}

function KeyForm({ onMade, onClose }: { onMade: (made: Schemas["NewKey"]) => void; onClose: () => void }) {
  const queries = useQueryClient();
  const workflows = useQuery(workflowsQuery).data ?? [];
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["read", "edit", "perform"]);
  const [where, setWhere] = useState("all");
  const [chosen, setChosen] = useState<string[]>([]);
  const [lifetime, setLifetime] = useState<Lifetime>("never");
  const [date, setDate] = useState("");
  const key = { name, scopes, workflows: where === "all" ? null : chosen };
  const end = endOf(lifetime, date, Date.now());

  const add = useMutation({
    mutationFn: () => answer(client.POST("/api/v1/keys", { body: { ...key, expires_at: end ?? null } })),
    onSuccess: async (made) => {
      onMade(made);
      await queries.invalidateQueries({ queryKey: keysQuery.queryKey });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!add.isPending) add.mutate();
  };
  const isTaken = add.error instanceof ApiError && add.error.code === "name_taken";
  return (
    <form className={styles.form} onSubmit={submit}>
      {add.error && !isTaken && <Notice kind="bad">{told(add.error)}</Notice>}
      <TextField
        label="Name"
        description="What it is for; it stands in the history where the key does something."
        value={name}
        onChange={setName}
        error={isTaken ? told(add.error) : undefined}
        maxLength={100}
        autoFocus
        isRequired
      />
      <Choices
        title="It may"
        choices={SCOPES}
        chosen={scopes}
        onChange={(ids) => setScopes(SCOPES.map((it) => it.id).filter((id) => ids.includes(id)))}
      />
      <RadioGroup label="Where" value={where} onChange={setWhere} options={WHERE} />
      {where === "some" && <Choices title="Workflows" choices={workflows} chosen={chosen} onChange={setChosen} />}
      <Select label="It ends" value={lifetime} onChange={(id) => setLifetime(id as Lifetime)} options={[...LIFETIMES]} />
      {lifetime === "date" && (
        <TextField
          label="Its last day"
          type="date"
          value={date}
          onChange={setDate}
          error={date && end === undefined ? "Choose a day to come." : undefined}
          isRequired
        />
      )}
      <DialogButtons>
        <Button onPress={onClose}>Cancel</Button>
        <Button type="submit" look="primary" isPending={add.isPending} isDisabled={!name.trim() || keyProblem(key) !== undefined || end === undefined}>
          Make the key
        </Button>
      </DialogButtons>
    </form>
  );
}

interface ChoicesProps {
  title: string;
  choices: readonly { id: string; name: string; detail?: string }[];
  chosen: readonly string[];
  onChange: (ids: string[]) => void;
}

function Choices({ title, choices, chosen, onChange }: ChoicesProps) {
  return (
    <fieldset className={styles.choices}>
      <legend>{title}</legend>
      {choices.map(({ id, name, detail }) => (
        <Checkbox key={id} value={chosen.includes(id)} onChange={(is) => onChange(is ? [...chosen, id] : chosen.filter((it) => it !== id))}>
          <span className={styles.choice}>
            {name}
            {detail && <span className={styles.detail}>{detail}</span>}
          </span>
        </Checkbox>
      ))}
    </fieldset>
  );
}
