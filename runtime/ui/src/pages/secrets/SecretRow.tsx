// One secret: its name, where its value comes from, and which steps send it.
import { Lock, LockOpen } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { workflowsQuery } from "../../api/queries";
import { remedy } from "../../model/secrets";
import type { Tone } from "../../model/color";
import { Button } from "../../parts/Button";
import { Badge } from "../../parts/Marks";
import { Row } from "../../parts/Rows";
import styles from "./Secrets.module.css";
import type { Secret } from "./SecretsPage";

const SOURCES: Record<string, { name: string; tone: Tone }> = {
  store: { name: "Set here", tone: "good" },
  folder: { name: "From a file", tone: "quiet" },
  environment: { name: "From the environment", tone: "quiet" },
};

interface SecretRowProps {
  secret: Secret;
  onSet: () => void;
  onRemove: () => void;
}

export function SecretRow({ secret, onSet, onRemove }: SecretRowProps) {
  const { name, source, used_by } = secret;
  const isMissing = source === null;
  // What comes from outside is changed there.
  const isOurs = isMissing || source === "store";
  const { name: said, tone } = isMissing ? { name: "Has no value", tone: "bad" as const } : (SOURCES[source] ?? { name: source, tone: "quiet" as const });
  return (
    <Row
      lead={isMissing ? <LockOpen aria-hidden /> : <Lock aria-hidden />}
      title={<code className={styles.name}>{name}</code>}
      marks={<Badge tone={tone}>{said}</Badge>}
      end={
        isOurs && (
          <>
            <Button look="quiet" small onPress={onSet} aria-label={`${isMissing ? "Set" : "Rotate"} ${name}`}>
              {isMissing ? "Set" : "Rotate"}
            </Button>
            {source === "store" && used_by.length === 0 && (
              <Button look="quiet" small onPress={onRemove} aria-label={`Remove ${name}`}>
                Remove
              </Button>
            )}
          </>
        )
      }
    >
      {used_by.length === 0 ? <span>No step uses it</span> : <Uses secret={secret} />}
      {!isOurs && <span>{remedy(source)}</span>}
    </Row>
  );
}

function Uses({ secret }: { secret: Secret }) {
  const workflows = useQuery(workflowsQuery).data;
  return (
    <ul className={styles.uses} aria-label={`Where ${secret.name} is used`}>
      {secret.used_by.map(({ workflow, action, step }) => (
        <li key={`${workflow} ${action} ${step}`}>
          {action ? (
            <>
              “{step}” in “{action}” of{" "}
            </>
          ) : (
            "The alerts of "
          )}
          <Link to={`/workflows/${workflow}/flow`}>{workflows?.find((it) => it.id === workflow)?.name ?? workflow}</Link>
        </li>
      ))}
    </ul>
  );
}
