// The endpoints that steps have called: whether each is called now, why not, and calling it again.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Server } from "lucide-react";
import { useState } from "react";
import { type Schemas, ApiError, answer, client } from "../../api/client";
import { canEnable, circuitOf, failuresInWords, inOrder, rateInWords } from "../../model/runs/endpoints";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Badge } from "../../parts/Marks";
import { Page } from "../../parts/Page";
import { Empty, Failed, Loading } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { Ago, Left } from "../../parts/Time";
import { say, sayError } from "../../parts/Toasts";
import { Words } from "../../parts/Words";
import styles from "./Endpoints.module.css";

/** No event tells of endpoints, so they are looked at. */
const LOOK_EVERY_MS = 3000;

type Endpoint = Schemas["Endpoint"];

interface Seen {
  endpoints: Endpoint[];
  /** When, so that what is counted in milliseconds from then can be shown as an instant. */
  at: number;
}

const endpointsQuery = {
  queryKey: ["endpoints"],
  queryFn: async (): Promise<Seen> => ({ endpoints: await answer(client.GET("/api/v1/endpoints")), at: Date.now() }),
  refetchInterval: LOOK_EVERY_MS,
};

export function Component() {
  const { data, error, isPending, refetch } = useQuery(endpointsQuery);
  return (
    <main id="main">
      <Page title="Endpoints">
        <p className={styles.quiet}>Each host and port that steps have called since the server started, and those that are disabled. One that fails too often is left alone for a while.</p>
        {data ? (
          data.endpoints.length > 0 ? (
            <List seen={data} />
          ) : (
            <Empty icon={<Server aria-hidden />} title="Nothing was called yet">
              As soon as a step calls another server, that one stands here.
            </Empty>
          )
        ) : isPending ? (
          <Loading what="The list" />
        ) : error instanceof ApiError && error.status === 403 ? (
          <Empty icon={<Server aria-hidden />} title="Only administrators see the endpoints" />
        ) : (
          <Failed error={error} onRetry={() => void refetch()} />
        )}
      </Page>
    </main>
  );
}

function List({ seen: { endpoints, at } }: { seen: Seen }) {
  const columns: Column<Endpoint>[] = [
    {
      id: "endpoint",
      name: "Endpoint",
      cell: (it) => (
        <div className={styles.endpoint}>
          <code>{it.endpoint}</code>
          {circuitOf(it).tone !== "good" && <Why endpoint={it} seenAt={at} />}
        </div>
      ),
    },
    { id: "state", name: "State", cell: (it) => <Badge tone={circuitOf(it).tone}>{circuitOf(it).name}</Badge> },
    { id: "failures", name: "Failures", wideOnly: true, cell: (it) => <Failures endpoint={it} seenAt={at} /> },
    { id: "calls", name: "Under way", end: true, wideOnly: true, cell: (it) => <span className={styles.number}>{it.calls} of {it.calls_max}</span> },
    { id: "waiting", name: "In line", end: true, wideOnly: true, cell: (it) => <span className={styles.number}>{it.waiting} of {it.waiting_max}</span> },
    { id: "rate", name: "Rate limit", wideOnly: true, cell: (it) => rateInWords(it.rate_max) },
    { id: "enable", name: "What can be done", end: true, hideName: true, cell: (it) => (canEnable(it) ? <Enable endpoint={it} /> : null) },
  ];
  return <Table label="Endpoints" columns={columns} rows={inOrder(endpoints)} rowKey={(it) => it.endpoint} />;
}

interface OfEndpoint {
  endpoint: Endpoint;
  seenAt: number;
}

function Failures({ endpoint: { failures, last_failure: last }, seenAt }: OfEndpoint) {
  return (
    <span className={styles.number} title={last?.message}>
      {failuresInWords(failures)}
      {last && (
        <span className={styles.why}>
          Last failed <Ago at={new Date(seenAt - last.ago_ms).toISOString()} />
        </span>
      )}
    </span>
  );
}

function Why({ endpoint, seenAt }: OfEndpoint) {
  const { circuit, called_again_in_ms: again, last_failure: last } = endpoint;
  return (
    <span className={styles.why}>
      {circuitOf(endpoint).says}
      {again !== null && (
        <>
          {" "}
          Tried again in <Left until={new Date(seenAt + again).toISOString()} over="a moment" />.
        </>
      )}
      {last && circuit !== "disabled" && (
        <span className={styles.last}>
          Last failure: <Words text={last.message} />
        </span>
      )}
    </span>
  );
}

function Enable({ endpoint: { endpoint, circuit } }: { endpoint: Endpoint }) {
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const enable = useMutation({
    mutationFn: () => answer(client.POST("/api/v1/endpoints/{endpoint}/enable", { params: { path: { endpoint } } })),
    onSuccess: () => say(`${endpoint} is called again.`),
    onError: sayError,
    onSettled: () => {
      setAsking(false);
      return queries.invalidateQueries({ queryKey: endpointsQuery.queryKey });
    },
  });
  // Where the receiver itself has asked not to be called, somebody should have changed its mind.
  const does = circuit === "closed" ? "Forget failures" : "Enable again";
  const press = () => (circuit === "disabled" ? setAsking(true) : enable.mutate());
  return (
    <>
      <Button small onPress={press} isPending={enable.isPending} aria-label={`${does}: ${endpoint}`}>
        {does}
      </Button>
      <Confirm title="Enable this endpoint again" does="Enable" isOpen={isAsking} isPending={enable.isPending} onConfirm={() => enable.mutate()} onClose={() => setAsking(false)}>
        <p>
          <code>{endpoint}</code> answered 410 Gone. Steps call it again from now on; if it still says so, it is disabled anew.
        </p>
      </Confirm>
    </>
  );
}
