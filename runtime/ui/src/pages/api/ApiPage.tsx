// How a program does with this workflow's tasks what people do here.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { allActionsQuery, fieldsQuery } from "../../api/queries";
import { ROOT } from "../../api/root";
import { useSession } from "../../api/session";
import { commands } from "../../model/workflows/curl";
import { CopyBlock } from "../../parts/Copy";
import { Select } from "../../parts/Field";
import { Card, Page } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";

export function Component() {
  const { workflow = "" } = useParams();
  const fields = useQuery(fieldsQuery(workflow));
  return (
    <main id="main">
      <Page title="API">
        <Keys />
        {fields.data ? <Commands key={workflow} workflow={workflow} fields={fields.data} /> : fields.isError ? <Failed error={fields.error} onRetry={() => void fields.refetch()} /> : <Loading what="The workflow's fields" />}
      </Page>
    </main>
  );
}

function Keys() {
  const { is_administrator } = useSession();
  return (
    <p>
      A program may do with these tasks what people do here. It sends an API key along, which {is_administrator ? <Link to="/keys">you can make</Link> : "an administrator makes for it"}, in place of {"<YOUR-API-KEY>"}. The whole API is described at{" "}
      <a href={`${ROOT}/api/v1/openapi.json`} target="_blank" rel="noreferrer">
        /api/v1/openapi.json
      </a>
      .
    </p>
  );
}

function Commands({ workflow, fields }: { workflow: string; fields: Parameters<typeof commands>[0]["fields"] }) {
  const mine = useSession().workflows.find((it) => it.id === workflow)?.perform ?? [];
  const names = useQuery(allActionsQuery(workflow)).data;
  const actions = mine.map((id) => ({ id, name: names?.find((it) => it.id === id)?.name ?? id }));
  const [action, setAction] = useState(mine[0]);
  return commands({ server: location.origin + ROOT, workflow, fields, action }).map(({ title, says, text }) => (
    <Card key={title} title={title}>
      <p>{says}</p>
      {title === "Perform an action" && actions.length > 1 && <Select label="Action" value={action ?? null} onChange={setAction} options={actions} />}
      <CopyBlock text={text} />
    </Card>
  ));
}
