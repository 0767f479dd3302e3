// One workflow of the list: its pages, its marks, and what its administrators do with it.
import { useMutation } from "@tanstack/react-query";
import { Archive, ArchiveRestore, Download, Ellipsis, Pencil, Workflow as WorkflowIcon } from "lucide-react";
import { Link } from "react-router";
import { type ListedWorkflow, exportWorkflow, unarchiveWorkflow } from "../../api/administration";
import { useRights } from "../../api/session";
import { fileName } from "../../model/workflows/file";
import { Button } from "../../parts/Button";
import { Badge } from "../../parts/Marks";
import { Menu, type MenuEntry } from "../../parts/Menu";
import { Row } from "../../parts/Rows";
import { say, sayError } from "../../parts/Toasts";
import { Words } from "../../parts/Words";
import { download } from "./download";
import { useStaleWorkflows } from "./stale";
import styles from "./Workflows.module.css";

interface WorkflowRowProps {
  workflow: ListedWorkflow;
  onDo?: (what: "rename" | "archive") => void;
}

export function WorkflowRow({ workflow, onDo }: WorkflowRowProps) {
  const { administer } = useRights(workflow.id);
  const at = `/workflows/${encodeURIComponent(workflow.id)}`;
  return (
    <Row
      lead={<WorkflowIcon aria-hidden />}
      title={
        <Link className={styles.name} to={`${at}/tasks`}>
          {workflow.name}
        </Link>
      }
      marks={<WorkflowMarks workflow={workflow} />}
      end={administer && <WorkflowMenu workflow={workflow} {...(onDo && { onDo })} />}
    >
      <nav className={styles.links} aria-label={`Pages of ${workflow.name}`}>
        <Link to={`${at}/tasks`}>Tasks</Link>
        {administer && <Link to={`${at}/flow`}>Flow Builder</Link>}
        <Link to={`${at}/executions`}>Executions</Link>
        {administer && <Link to={`${at}/versions`}>Versions</Link>}
      </nav>
      {workflow.broken && <Why said={workflow.broken} />}
      {workflow.refused && <Why said={workflow.refused} />}
    </Row>
  );
}

function WorkflowMarks({ workflow }: { workflow: ListedWorkflow }) {
  return (
    <>
      {workflow.broken && <Badge tone="bad">Broken</Badge>}
      {workflow.refused && <Badge tone="warn">File refused</Badge>}
      {workflow.archived && <Badge tone="quiet">Archived</Badge>}
      {workflow.managed_by === "file" && <Badge tone="quiet">{workflow.file ? `File ${fileName(workflow.file)}` : "File"}</Badge>}
    </>
  );
}

/** What the server says of it: a sentence, or a report of several lines that shows the places in the file. */
function Why({ said }: { said: string }) {
  return said.includes("\n") ? (
    <pre className={styles.report} tabIndex={0}>
      {said}
    </pre>
  ) : (
    <p className={styles.bad}>
      <Words text={said} />
    </p>
  );
}

function WorkflowMenu({ workflow, onDo }: WorkflowRowProps) {
  const stale = useStaleWorkflows();
  const { id, name } = workflow;
  const unarchive = useMutation({
    mutationFn: () => unarchiveWorkflow(id),
    onSuccess: async () => {
      say(`${name} is back among the workflows.`);
      await stale(id);
    },
    onError: sayError,
  });
  const save = async () => {
    try {
      download(`${id}.toml`, await exportWorkflow(id), "application/toml");
    } catch (error) {
      sayError(error);
    }
  };
  const isOurs = workflow.managed_by !== "file";
  const entries: MenuEntry[] = [
    ...(onDo && isOurs ? [{ id: "rename", name: "Rename…", icon: <Pencil aria-hidden /> }] : []),
    { id: "export", name: "Export as a file", icon: <Download aria-hidden /> },
    ...(onDo && isOurs ? [{ id: "archive", name: "Archive…", icon: <Archive aria-hidden /> }] : []),
    ...(onDo ? [] : [{ id: "unarchive", name: "Bring back", icon: <ArchiveRestore aria-hidden /> }]),
  ];
  const choose = (chosen: string) => {
    if (chosen === "export") void save();
    else if (chosen === "unarchive") unarchive.mutate();
    else onDo?.(chosen as "rename" | "archive");
  };
  return (
    <Menu label={`What to do with ${name}`} groups={[{ id: "more", entries }]} onChoose={choose}>
      <Button look="quiet" small icon={<Ellipsis aria-hidden />} aria-label={`More about ${name}`}>
        {""}
      </Button>
    </Menu>
  );
}
