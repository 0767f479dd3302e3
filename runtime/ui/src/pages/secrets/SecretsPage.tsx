// Secrets by name: where each comes from and is used; set, given another value, removed. No value is ever shown.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Lock, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { secretsQuery } from "../../api/administration";
import { type Schemas, answer, client } from "../../api/client";
import { reference } from "../../model/secrets";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Page } from "../../parts/Page";
import { Rows } from "../../parts/Rows";
import { Empty, Failed, Loading, Notice } from "../../parts/States";
import { say } from "../../parts/Toasts";
import { Administrators } from "../../shell/Administrators";
import { SecretDialog } from "./SecretDialog";
import { SecretRow } from "./SecretRow";

export type Secret = Schemas["Secret"];

/** What is being done: a new secret, another value of one, or removing one. */
type Doing = { what: "add" } | { what: "set" | "remove"; secret: Secret };

export function Component() {
  return (
    <Administrators>
      <Secrets />
    </Administrators>
  );
}

function Secrets() {
  const secrets = useQuery(secretsQuery);
  const [doing, setDoing] = useState<Doing>();
  const close = () => setDoing(undefined);
  const add = (
    <Button look="primary" icon={<Plus aria-hidden />} onPress={() => setDoing({ what: "add" })}>
      New secret
    </Button>
  );
  let content: ReactNode;
  if (secrets.isPending) content = <Loading what="Secrets" />;
  else if (!secrets.data) content = <Failed error={secrets.error} onRetry={() => void secrets.refetch()} />;
  else content = <SecretList secrets={secrets.data} onDo={(what, secret) => setDoing({ what, secret })} />;
  return (
    <main id="main">
      <Page title="Secrets" actions={add}>
        <p>
          Steps send them where they say <code>{reference("NAME")}</code>. Nobody is shown a value, and what is recorded has it taken out.
        </p>
        {content}
      </Page>
      {doing?.what === "add" && <SecretDialog onClose={close} taken={secrets.data ?? []} />}
      {doing?.what === "set" && <SecretDialog onClose={close} secret={doing.secret} taken={[]} />}
      {doing?.what === "remove" && <RemoveDialog secret={doing.secret} onClose={close} />}
    </main>
  );
}

function SecretList({ secrets, onDo }: { secrets: Secret[]; onDo: (what: "set" | "remove", secret: Secret) => void }) {
  const missing = secrets.filter((it) => it.source === null);
  if (secrets.length === 0) {
    return (
      <Empty icon={<Lock aria-hidden />} title="There is no secret yet">
        Tokens and passwords of the applications that steps call belong here, not into the workflow.
      </Empty>
    );
  }
  return (
    <>
      {missing.length > 0 && (
        <Notice kind="bad" title={missing.length === 1 ? "A secret that steps need has no value" : `${missing.length} secrets that steps need have no value`}>
          Steps that send {missing.map((it) => it.name).join(", ")} fail until somebody sets it.
        </Notice>
      )}
      <Rows label="Secrets">
        {secrets
          .toSorted((a, b) => a.name.localeCompare(b.name))
          .map((it) => (
            <SecretRow key={it.name} secret={it} onSet={() => onDo("set", it)} onRemove={() => onDo("remove", it)} />
          ))}
      </Rows>
    </>
  );
}

function RemoveDialog({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => answer(client.DELETE("/api/v1/secrets/{secret}", { params: { path: { secret: secret.name } } })),
    onSuccess: async () => {
      say(`${secret.name} is removed.`);
      onClose();
      await queries.invalidateQueries({ queryKey: secretsQuery.queryKey });
    },
  });
  return (
    <Confirm
      title={`Remove ${secret.name}?`}
      does="Remove"
      danger
      isOpen
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p>No step uses it. Its value is gone for good.</p>
    </Confirm>
  );
}
