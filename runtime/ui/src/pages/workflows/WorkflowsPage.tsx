// All workflows that one may see: where each leads, who manages it, and, for administrators, new ones.
import { useQuery } from "@tanstack/react-query";
import { FileUp, Plus, Workflow as WorkflowIcon } from "lucide-react";
import { useState } from "react";
import { type ListedWorkflow, archivedQuery } from "../../api/administration";
import { workflowsQuery } from "../../api/queries";
import { useSession } from "../../api/session";
import { Button } from "../../parts/Button";
import { TextField } from "../../parts/Field";
import { Page } from "../../parts/Page";
import { Rows } from "../../parts/Rows";
import { Empty, Failed, Loading } from "../../parts/States";
import { ArchiveDialog } from "./ArchiveDialog";
import { ImportDialog } from "./ImportDialog";
import { NewWorkflowDialog } from "./NewWorkflowDialog";
import { RenameDialog } from "./RenameDialog";
import { WorkflowRow } from "./WorkflowRow";
import styles from "./Workflows.module.css";

/** From so many workflows on there is something to search in. */
const SEARCHED_FROM = 10;

type Doing = { what: "scratch" | "file" } | { what: "rename" | "archive"; workflow: ListedWorkflow };

export function Component() {
  const { is_administrator } = useSession();
  const [doing, setDoing] = useState<Doing>();
  const close = () => setDoing(undefined);
  const create = is_administrator && (
    <>
      <Button icon={<FileUp aria-hidden />} onPress={() => setDoing({ what: "file" })}>
        From a file
      </Button>
      <Button look="primary" icon={<Plus aria-hidden />} onPress={() => setDoing({ what: "scratch" })}>
        New workflow
      </Button>
    </>
  );
  return (
    <main id="main">
      <Page title="Workflows" actions={create}>
        <WorkflowList onDo={(what, workflow) => setDoing({ what, workflow })} />
        <Archived />
      </Page>
      {doing?.what === "scratch" && <NewWorkflowDialog onClose={close} />}
      {doing?.what === "file" && <ImportDialog onClose={close} />}
      {doing?.what === "rename" && <RenameDialog workflow={doing.workflow} onClose={close} />}
      {doing?.what === "archive" && <ArchiveDialog workflow={doing.workflow} onClose={close} />}
    </main>
  );
}

function WorkflowList({ onDo }: { onDo: (what: "rename" | "archive", workflow: ListedWorkflow) => void }) {
  const { is_administrator } = useSession();
  const workflows = useQuery(workflowsQuery);
  const [typed, setTyped] = useState("");
  if (workflows.isPending) return <Loading what="Workflows" />;
  if (!workflows.data) return <Failed error={workflows.error} onRetry={() => void workflows.refetch()} />;
  const all: ListedWorkflow[] = workflows.data.toSorted((a, b) => a.name.localeCompare(b.name));
  if (all.length === 0) {
    return (
      <Empty icon={<WorkflowIcon aria-hidden />} title="There is no workflow yet">
        {is_administrator
          ? "Begin one from scratch and draw it in the Flow Builder, or bring one in a file."
          : "An administrator makes one, or gives you a role in one."}
      </Empty>
    );
  }
  const shown = all.filter((it) => it.name.toLowerCase().includes(typed.trim().toLowerCase()));
  return (
    <>
      {all.length >= SEARCHED_FROM && (
        <div className={styles.search}>
          <TextField label="Search workflows" hideLabel type="search" placeholder="Search workflows" value={typed} onChange={setTyped} />
        </div>
      )}
      {shown.length > 0 ? (
        <Rows label="Workflows">
          {shown.map((it) => (
            <WorkflowRow key={it.id} workflow={it} onDo={(what) => onDo(what, it)} />
          ))}
        </Rows>
      ) : (
        <p role="status">No workflow is called that.</p>
      )}
    </>
  );
}

/** Those that are put away, below the others, once somebody wants to see them. */
function Archived() {
  const { data } = useQuery(archivedQuery);
  const [isOpen, setOpen] = useState(false);
  if (!data?.length) return null;
  return (
    <section className={styles.archived} aria-label="Archived workflows">
      <div>
        <Button look="quiet" small aria-expanded={isOpen} onPress={() => setOpen(!isOpen)}>
          {isOpen ? "Hide archived workflows" : `Show archived workflows (${data.length})`}
        </Button>
      </div>
      {isOpen && (
        <Rows label="Archived workflows">
          {data
            .toSorted((a, b) => a.name.localeCompare(b.name))
            .map((it) => (
              <WorkflowRow key={it.id} workflow={it} />
            ))}
        </Rows>
      )}
    </section>
  );
}
