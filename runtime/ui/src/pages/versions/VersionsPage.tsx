// A workflow's versions: who saved which when, what became of one in another, and bringing an old one back.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowLeft, History, RotateCcw } from "lucide-react";
import { useState } from "react";
import { useParams, useSearchParams } from "react-router";
import { fullName } from "../../model/people/person";
import { type Stranded, definitionQuery, restoreVersion, versionsQuery } from "../../api/definitions";
import { ApiError, type Schemas } from "../../api/client";
import { useRights, useSession } from "../../api/session";
import { Button, LinkButton } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { ManagedByFile } from "../../parts/ManagedByFile";
import { Badge } from "../../parts/Marks";
import { Page } from "../../parts/Page";
import { Empty, Failed, Loading, Notice } from "../../parts/States";
import { say, sayError } from "../../parts/Toasts";
import { draftKey, readDraft } from "../../model/flow/draft";
import { strandedWords } from "../../model/flow/problems";
import { Comparison } from "./Comparison";
import styles from "./Versions.module.css";

type Note = Schemas["VersionNote"];

export function Component() {
  const { workflow = "" } = useParams();
  const versions = useQuery(versionsQuery(workflow));
  return (
    <main id="main" className={styles.main}>
      <Page
        title="Versions"
        actions={
          <LinkButton href={`/workflows/${workflow}/flow`} icon={<ArrowLeft aria-hidden />}>
            Flow Builder
          </LinkButton>
        }
      >
        {versions.isPending && <Loading what="The list of versions" />}
        {versions.isError && <Failed error={versions.error} onRetry={() => void versions.refetch()} />}
        {versions.data?.length === 0 && (
          <Empty icon={<History aria-hidden />} title="No version yet">
            The first save makes one.
          </Empty>
        )}
        {versions.data && versions.data.length > 0 && <Versions key={workflow} workflow={workflow} notes={versions.data} />}
      </Page>
    </main>
  );
}

const nameOf = (by: Note["by"]): string => (by ? fullName(by) : "A file");
const when = (at: string): string => new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

function Versions({ workflow, notes }: { workflow: string; notes: Note[] }) {
  const { administer, isArchived } = useRights(workflow);
  const { user } = useSession();
  const queries = useQueryClient();
  const definition = useQuery(definitionQuery(workflow));
  const [params, setParams] = useSearchParams();
  const [asked, setAsked] = useState<number>();
  const [isRestoring, setRestoring] = useState(false);
  const [refused, setRefused] = useState<{ version: number; error: ApiError }>();
  const latest = notes[0]!.version;
  const known = (name: string, otherwise: number) => {
    const wanted = Number(params.get(name));
    return notes.some((it) => it.version === wanted) ? wanted : otherwise;
  };
  const to = known("to", latest);
  const from = known("from", notes.find((it) => it.version < to)?.version ?? to);
  const compare = (change: { from?: number; to?: number }) => setParams({ from: String(change.from ?? from), to: String(change.to ?? to) }, { replace: true });
  const mayRestore = administer && !isArchived && definition.data?.managed_by === "store";
  const hasDraft = mayRestore && readDraft(localStorage, draftKey(user?.id, workflow)) !== undefined;

  const restore = async (version: number) => {
    setRestoring(true);
    setRefused(undefined);
    try {
      const made = await restoreVersion(workflow, version, latest);
      await queries.invalidateQueries({ queryKey: ["workflow", workflow] });
      void queries.invalidateQueries({ queryKey: ["workflows"] });
      setParams({}, { replace: true });
      say(`Version ${version} is restored, as version ${made.version}.`);
    } catch (error) {
      if (error instanceof ApiError && (error.code === "data_stranded" || error.code === "invalid_definition")) setRefused({ version, error });
      else if (error instanceof ApiError && error.code === "version_conflict") {
        await queries.invalidateQueries({ queryKey: ["workflow", workflow] });
        sayError(new Error("Somebody has saved a newer version meanwhile. Look at it, and try again."));
      } else sayError(error);
    } finally {
      setRestoring(false);
      setAsked(undefined);
    }
  };

  return (
    <>
      {isArchived && (
        <Notice kind="info" title="This workflow is archived">
          Its versions can be looked at. None is restored until the workflow is brought back.
        </Notice>
      )}
      {definition.data?.file && <ManagedByFile file={definition.data.file}>An old version is brought back by editing that file.</ManagedByFile>}
      {refused && <Refused version={refused.version} error={refused.error} onClose={() => setRefused(undefined)} />}
      <div className={styles.columns}>
        <ol className={styles.list} aria-label="Versions">
          {notes.map((note) => (
            <li key={note.version} className={note.version === from || note.version === to ? styles.chosen : undefined}>
              <div className={styles.note}>
                <span className={styles.number}>
                  Version {note.version} {note.version === latest && <Badge tone="good">Current</Badge>}
                </span>
                <span className={styles.by}>
                  <time dateTime={note.at}>{when(note.at)}</time>, {nameOf(note.by)}
                </span>
              </div>
              <div className={styles.buttons}>
                <Button small look={from === note.version ? "dark" : "plain"} aria-pressed={from === note.version} onPress={() => compare({ from: note.version })}>
                  From
                  <span className="unseen"> version {note.version}</span>
                </Button>
                <Button small look={to === note.version ? "dark" : "plain"} aria-pressed={to === note.version} onPress={() => compare({ to: note.version })}>
                  To
                  <span className="unseen"> version {note.version}</span>
                </Button>
                {mayRestore && note.version !== latest && (
                  <Button small icon={<RotateCcw aria-hidden />} onPress={() => setAsked(note.version)}>
                    Restore
                    <span className="unseen"> version {note.version}</span>
                  </Button>
                )}
              </div>
            </li>
          ))}
        </ol>
        <Comparison workflow={workflow} from={from} to={to} />
      </div>
      <Confirm title={`Restore version ${asked}?`} does="Restore" isOpen={asked !== undefined} isPending={isRestoring} onConfirm={() => asked !== undefined && void restore(asked)} onClose={() => setAsked(undefined)}>
        <p>
          What version {asked} says becomes version {latest + 1}. Nothing is lost: version {latest} stays in this list.
        </p>
        {hasDraft && <p>There is a draft that is not saved in this browser. It stays, and is compared with the restored version when you open the Flow Builder.</p>}
      </Confirm>
    </>
  );
}

function Refused({ version, error, onClose }: { version: number; error: ApiError; onClose: () => void }) {
  const stranded = (error.body["stranded"] as Stranded[] | undefined) ?? [];
  return (
    <Notice kind="bad" title={stranded.length > 0 ? `Version ${version} was not restored: tasks would be stranded` : `Version ${version} was not restored`} action={<Button small onPress={onClose}>Close</Button>}>
      {stranded.length === 0 && <p>{error.message}</p>}
      <ul>
        {stranded.map((it, index) => (
          <li key={index}>{strandedWords(it)}</li>
        ))}
      </ul>
    </Notice>
  );
}
