// Everything that is wrong with a workflow's text; each leads to its place.
import type { RefObject } from "react";
import { Button } from "react-aria-components";
import type { Schemas } from "../../api/client";
import { type Span, lineSelection, selection } from "../../model/workflows/place";
import { Notice } from "../../parts/States";
import { Words } from "../../parts/Words";
import styles from "./Workflows.module.css";

export type Problem = Schemas["Problem"];

interface ProblemListProps {
  problems: Problem[];
  /** The text as it is now, and as it was when it had these problems. */
  text: string;
  sent: string;
  /** What holds the text area. */
  source: RefObject<HTMLElement | null>;
}

export function ProblemList({ problems, text, sent, source }: ProblemListProps) {
  const show = (problem: Problem) => {
    const area = source.current?.querySelector("textarea");
    if (!area || !problem.span || problem.line === null) return;
    // Once it was changed, only lines are about where they were.
    const { start, end }: Span = text === sent ? selection(text, problem.span) : lineSelection(text, problem.line);
    area.focus();
    area.setSelectionRange(start, end);
    const height = Number.parseFloat(getComputedStyle(area).lineHeight);
    area.scrollTop = Math.max(0, (problem.line - 4) * height);
  };
  return (
    <Notice kind="bad" title={problems.length === 1 ? "There is a problem in it" : `There are ${problems.length} problems in it`}>
      <ul className={styles.problems}>
        {problems.map((problem) => (
          <li key={`${problem.code} ${problem.line} ${problem.column} ${problem.message}`}>
            <Button className={styles.place!} onPress={() => show(problem)}>
              Line {problem.line}, column {problem.column}
            </Button>
            <span>
              <Words text={problem.message} />
              {problem.help && (
                <span className={styles.help}>
                  {" "}
                  <Words text={problem.help} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
