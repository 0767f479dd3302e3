// What the server says of the workflow: beside one thing, and as a list of everything that leads there.
import { CircleAlert, CircleCheck, Ellipsis, TriangleAlert } from "lucide-react";
import { Button as AriaButton } from "react-aria-components";
import { type Placed, whereabouts } from "../../model/flow/problems";
import styles from "./Problems.module.css";
import type { Parts } from "./Sidebar";
import { useBuilder } from "./state";

const icon = (it: Placed) => (it.level === "problem" ? <CircleAlert className={styles.problem} aria-hidden /> : <TriangleAlert className={styles.finding} aria-hidden />);

/** Those of one thing, in its place. */
export function Beside({ problems }: { problems: Placed[] }) {
  if (problems.length === 0) return null;
  return (
    <ul className={styles.beside}>
      {problems.map((it, index) => (
        <li key={index}>
          {icon(it)}
          <span>
            <span className="unseen">{it.level === "problem" ? "Problem: " : "Warning: "}</span>
            {it.message}
            {it.help && <span className={styles.help}>{it.help}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** All of them; each leads to the thing that it concerns. */
export function ProblemList({ isChecked, onParts }: { isChecked: boolean; onParts: (parts: Parts) => void }) {
  const { problems, select, openStep, isReadOnly } = useBuilder();
  if (isReadOnly) return null;
  const bad = problems.filter((it) => it.level === "problem").length;
  const go = ({ concerns }: Placed) => {
    if (concerns.kind === "field") onParts("fields");
    else if (concerns.kind === "role") onParts("roles");
    else if (concerns.kind !== "workflow") select([{ kind: concerns.kind, id: concerns.id }]);
    if (concerns.kind === "action" && concerns.step) openStep({ action: concerns.id, step: concerns.step.id });
  };
  const title = problems.length === 0 ? "No problems" : bad > 0 ? `${bad} ${bad === 1 ? "problem" : "problems"}` : `${problems.length} ${problems.length === 1 ? "warning" : "warnings"}`;
  return (
    <section className={styles.all} aria-label="Problems">
      <h2 className={styles.heading}>
        <span className={styles.title} role="status">
          {problems.length === 0 && !isChecked ? <Ellipsis aria-hidden /> : problems.length === 0 ? <CircleCheck className={styles.good} aria-hidden /> : bad > 0 ? <CircleAlert className={styles.problem} aria-hidden /> : <TriangleAlert className={styles.finding} aria-hidden />}
          {isChecked || problems.length > 0 ? title : "Checking…"}
        </span>
      </h2>
      {problems.length > 0 && (
        <ul className={styles.list}>
          {problems.map((it, index) => (
            <li key={index}>
              {it.concerns.kind === "workflow" ? (
                <div className={styles.entry}>
                  <Entry problem={it} />
                </div>
              ) : (
                <AriaButton className={styles.entry!} onPress={() => go(it)}>
                  <Entry problem={it} />
                </AriaButton>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Entry({ problem }: { problem: Placed }) {
  return (
    <>
      {icon(problem)}
      <span>
        <span className={styles.where}>{whereabouts(problem.concerns)}</span>
        {problem.message}
        {problem.help && <span className={styles.help}>{problem.help}</span>}
      </span>
    </>
  );
}
