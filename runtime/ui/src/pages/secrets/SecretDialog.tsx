// Setting a secret: a new one by its name, or another value of one that there is.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { secretsQuery } from "../../api/administration";
import { answer, client } from "../../api/client";
import { nameProblem, reference, valueProblem } from "../../model/secrets";
import { Button } from "../../parts/Button";
import { DialogButtons, Modal } from "../../parts/Dialog";
import { TextField } from "../../parts/Field";
import { Notice } from "../../parts/States";
import { say, told } from "../../parts/Toasts";
import styles from "./Secrets.module.css";
import type { Secret } from "./SecretsPage";

interface SecretDialogProps {
  /** The one that gets a value; a new one without it. */
  secret?: Secret;
  /** Those whose names a new one cannot have. */
  taken: Secret[];
  onClose: () => void;
}

export function SecretDialog({ secret, taken, onClose }: SecretDialogProps) {
  const queries = useQueryClient();
  const [typedName, setName] = useState("");
  const [value, setValue] = useState("");
  const name = secret?.name ?? typedName.trim();
  const hasValue = secret !== undefined && secret.source !== null;

  const put = useMutation({
    mutationFn: () => answer(client.PUT("/api/v1/secrets/{secret}", { params: { path: { secret: name } }, body: { value } })),
    onSuccess: async () => {
      say(hasValue ? `${name} has its new value. The next try of each step sends it.` : `${name} is set.`);
      onClose();
      await queries.invalidateQueries({ queryKey: secretsQuery.queryKey });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    put.mutate();
  };
  // One that steps need already may well be set here.
  const isTaken = taken.some((it) => it.name === name && it.source !== null);
  const nameError = isTaken ? "There is a secret of that name: rotate it instead." : nameProblem(name);
  const valueError = valueProblem(value);
  return (
    <Modal title={secret ? `${hasValue ? "Rotate" : "Set"} ${secret.name}` : "New secret"} isOpen onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        {put.error && <Notice kind="bad">{told(put.error)}</Notice>}
        {hasValue && <p>The old value is replaced at once and cannot be had back. Change it in the application that expects it, too.</p>}
        {!secret && (
          <TextField
            label="Name"
            value={typedName}
            onChange={setName}
            error={nameError}
            description={name && !nameError ? <>In steps it is {reference(name)}</> : "Such as BILLING_TOKEN"}
            autoComplete="off"
            maxLength={64}
            autoFocus
            isRequired
            mono
          />
        )}
        <TextField
          label={hasValue ? "New value" : "Value"}
          value={value}
          onChange={setValue}
          error={valueError}
          description="Kept encrypted. Nobody is shown it again, you neither."
          rows={4}
          autoComplete="off"
          autoFocus={secret !== undefined}
          isRequired
          mono
        />
        <DialogButtons>
          <Button onPress={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isPending={put.isPending} isDisabled={!name || !value || !!nameError || !!valueError}>
            {hasValue ? "Replace the value" : "Set"}
          </Button>
        </DialogButtons>
      </form>
    </Modal>
  );
}
