// The Flow Builder's page: fetches what it needs, and says so where it cannot.
import { useQuery } from "@tanstack/react-query";
import { Lock } from "lucide-react";
import { useMemo } from "react";
import { useParams } from "react-router";
import { archivedQuery } from "../../api/administration";
import { definitionQuery } from "../../api/definitions";
import { stepTypesQuery } from "../../api/queries";
import { useRights, useSession } from "../../api/session";
import { draftKey, readDraft } from "../../model/flow/draft";
import { useTitle } from "../../parts/Page";
import { Empty, Failed, Loading } from "../../parts/States";
import { BuilderPage } from "./Builder";

export function Component() {
  const { workflow = "" } = useParams();
  useTitle("Flow Builder");
  const { administer } = useRights(workflow);
  if (!administer) {
    return (
      <main id="main">
        <Empty icon={<Lock aria-hidden />} title="You may not change this workflow">
          Whoever administers it can show you what it does.
        </Empty>
      </main>
    );
  }
  return <Fetched key={workflow} workflow={workflow} />;
}

function Fetched({ workflow }: { workflow: string }) {
  const definition = useQuery(definitionQuery(workflow));
  const stepTypes = useQuery(stepTypesQuery);
  // Asked before anything is shown: nobody is to begin what cannot be saved.
  const isKnown = !useQuery(archivedQuery).isPending;
  const { isArchived } = useRights(workflow);
  const isStore = definition.data?.managed_by === "store" && !isArchived;
  const { user } = useSession();
  const key = draftKey(user?.id, workflow);
  const draft = useMemo(() => (isStore ? readDraft(localStorage, key) : undefined), [key, isStore]);
  if (definition.data && stepTypes.data && isKnown) return <BuilderPage workflow={workflow} definition={definition.data} stepTypes={stepTypes.data} draft={draft} />;
  const failed = definition.isError ? definition : stepTypes.isError ? stepTypes : undefined;
  return <main id="main">{failed ? <Failed error={failed.error} onRetry={() => void failed.refetch()} /> : <Loading what="The workflow" />}</main>;
}
