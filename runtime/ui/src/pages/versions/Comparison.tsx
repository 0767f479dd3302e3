// What became of one version in another: in words, and line by line of the files.
import { useQuery } from "@tanstack/react-query";
import { differenceQuery } from "../../api/definitions";
import { lineKind, lines } from "../../model/flow/parts";
import { Card } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";
import { ChangeList } from "../../parts/ChangeList";
import styles from "./Versions.module.css";

export function Comparison({ workflow, from, to }: { workflow: string; from: number; to: number }) {
  const difference = useQuery({ ...differenceQuery(workflow, from, to), enabled: from !== to });
  return (
    <Card title={from === to ? `Version ${to}` : `From version ${from} to version ${to}`}>
      {from === to && <p className={styles.by}>Choose two versions to see what became of one in the other.</p>}
      {from !== to && difference.isPending && <Loading what="The difference" />}
      {difference.isError && <Failed error={difference.error} onRetry={() => void difference.refetch()} />}
      {difference.data && from !== to && (
        <>
          <ChangeList changes={lines(difference.data)} />
          {difference.data.text.trim() !== "" && (
            <pre className={styles.text} tabIndex={0} aria-label="Line by line">
              {difference.data.text.split("\n").map((line, index) => (
                <span key={index} className={styles[lineKind(line)]}>
                  {line}
                  {"\n"}
                </span>
              ))}
            </pre>
          )}
        </>
      )}
    </Card>
  );
}
