// API keys: which there are, what each may do and when it was used last; new ones, and taking one away.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { keysQuery } from "../../api/administration";
import { type Schemas, answer, client } from "../../api/client";
import { workflowsQuery } from "../../api/queries";
import { ROOT } from "../../api/root";
import { SCOPES } from "../../model/keys/key";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Badge } from "../../parts/Marks";
import { Page } from "../../parts/Page";
import { Row, Rows } from "../../parts/Rows";
import { Ago } from "../../parts/Time";
import { Empty, Failed, Loading } from "../../parts/States";
import { say } from "../../parts/Toasts";
import { Administrators } from "../../shell/Administrators";
import { NewKeyDialog } from "./NewKeyDialog";

type Key = Schemas["Key"];

export function Component() {
  return (
    <Administrators>
      <Keys />
    </Administrators>
  );
}

function Keys() {
  const [isAdding, setAdding] = useState(false);
  const add = (
    <Button look="primary" icon={<Plus aria-hidden />} onPress={() => setAdding(true)}>
      New key
    </Button>
  );
  return (
    <main id="main">
      <Page title="API keys" actions={add}>
        <p>
          With a key a program does over <a href={`${ROOT}/api/v1/openapi.json`}>the API</a> what people do here. Its secret is shown once, when it is made.
        </p>
        <KeyList />
      </Page>
      {isAdding && <NewKeyDialog onClose={() => setAdding(false)} />}
    </main>
  );
}

function KeyList() {
  const keys = useQuery(keysQuery);
  const [revoked, setRevoked] = useState<Key>();
  if (keys.isPending) return <Loading what="API keys" />;
  if (!keys.data) return <Failed error={keys.error} onRetry={() => void keys.refetch()} />;
  if (keys.data.length === 0) {
    return (
      <Empty icon={<KeyRound aria-hidden />} title="There is no key yet">
        A program that makes tasks or performs actions needs one.
      </Empty>
    );
  }
  return (
    <>
      <Rows label="API keys">
        {keys.data
          .toSorted((a, b) => a.name.localeCompare(b.name))
          .map((it) => (
            <KeyRow key={it.id} its={it} onRevoke={() => setRevoked(it)} />
          ))}
      </Rows>
      {revoked && <RevokeDialog revoked={revoked} onClose={() => setRevoked(undefined)} />}
    </>
  );
}

function KeyRow({ its, onRevoke }: { its: Key; onRevoke: () => void }) {
  const workflows = useQuery(workflowsQuery).data;
  const scopes = SCOPES.filter((it) => its.scopes.includes(it.id)).map((it) => it.name);
  const names = its.workflows?.map((id) => workflows?.find((it) => it.id === id)?.name ?? id);
  return (
    <Row
      lead={<KeyRound aria-hidden />}
      title={its.name}
      marks={its.has_expired && <Badge tone="warn">Expired</Badge>}
      end={
        <Button look="quiet" small onPress={onRevoke} aria-label={`Revoke ${its.name}`}>
          Revoke
        </Button>
      }
    >
      <span>{scopes.length === SCOPES.length ? "May do everything" : scopes.join(", ")}</span>
      <span>{names ? `in ${names.join(", ")}` : "in all workflows"}</span>
      {its.last_used_at ? <span>Used <Ago at={its.last_used_at} /></span> : <span>Never used</span>}
      {its.expires_at && (
        <span>
          {its.has_expired ? "Ended" : "Ends"} <Ago at={its.expires_at} />
        </span>
      )}
    </Row>
  );
}

function RevokeDialog({ revoked, onClose }: { revoked: Key; onClose: () => void }) {
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => answer(client.DELETE("/api/v1/keys/{key}", { params: { path: { key: revoked.id } } })),
    onSuccess: async () => {
      say(`${revoked.name} is revoked.`);
      onClose();
      await queries.invalidateQueries({ queryKey: keysQuery.queryKey });
    },
  });
  return (
    <Confirm
      title={`Revoke ${revoked.name}?`}
      does="Revoke"
      danger
      isOpen
      isPending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    >
      <p>
        Programs that use it are refused from now on.{" "}
        {revoked.last_used_at ? <>It was used last <Ago at={revoked.last_used_at} />.</> : "It was never used."} This cannot be undone.
      </p>
    </Confirm>
  );
}
