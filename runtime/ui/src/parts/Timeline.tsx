// An execution as a timeline: each attempt of a step with its tries, what happens now, and which steps come or did not come.
// Used on the execution's page and in a task's activity.
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { Button as AriaButton, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import type { ExecutionDetail } from "../api/executions";
import { type Attempt, type Chapter, chapters, fieldErrors, spanOf, stepName, triesOf, type Try, withoutTitle } from "../model/runs/chain";
import type { Tone } from "../model/color";
import { outcomeOf, stateOf } from "../model/runs/states";
import { duration } from "../model/times";
import { HttpRecord } from "./HttpRecord";
import { Badge } from "./Marks";
import { StepIcon } from "./StepIcon";
import { At, Left, Took } from "./Time";
import { Words } from "./Words";
import styles from "./Timeline.module.css";

interface TimelineProps {
  execution: ExecutionDetail;
  /** Whether what failed lies open at first. */
  openFailed?: boolean;
  /** Where the reason of a failure, or of what blocks it, stands elsewhere on the page, it is not said again. */
  saysFailure?: boolean;
}

export function Timeline({ execution, openFailed = true, saysFailure = true }: TimelineProps) {
  const story = chapters(execution);
  const last = execution.attempts.at(-1);
  return (
    <ol className={styles.timeline} aria-label="Steps">
      {story.map((chapter) => {
        switch (chapter.kind) {
          case "attempt": {
            const isLast = chapter.attempt === last;
            const message = messageOf(chapter.attempt, execution, isLast, saysFailure);
            return <AttemptChapter key={chapter.key} chapter={chapter} execution={execution} message={message} isLast={isLast} isOpen={openFailed && isLast} />;
          }
          case "now":
            return (
              <Row key={chapter.key} tone={stateOf(execution.state).tone} type={chapter.step?.type ?? null}>
                <StepTitle number={chapter.number} name={stepName(chapter.step, chapter.number)}>
                  <Badge tone={stateOf(execution.state).tone}>{stateOf(execution.state).name}</Badge>
                </StepTitle>
                {(saysFailure || execution.state !== "blocked") && <Now execution={execution} />}
              </Row>
            );
          case "rest":
            return (
              <Row key={chapter.key} tone="rest" type={chapter.step.type}>
                <StepTitle number={chapter.number} name={stepName(chapter.step, chapter.number)} isQuiet>
                  <span className={styles.quiet}>{chapter.willRun ? "To come" : execution.state === "succeeded" ? "Not needed" : "Did not run"}</span>
                </StepTitle>
              </Row>
            );
        }
      })}
    </ol>
  );
}

function Row({ tone, type, children }: { tone: Tone | "rest"; type: string | null; children: ReactNode }) {
  return (
    <li className={styles.row}>
      <span className={`${styles.marker} ${styles[tone]}`}>
        <StepIcon type={type} />
      </span>
      <div className={styles.content}>{children}</div>
    </li>
  );
}

function StepTitle({ number, name, isQuiet = false, children }: { number: number; name: string; isQuiet?: boolean; children?: ReactNode }) {
  return (
    <div className={styles.head}>
      <span className={`${styles.title} ${isQuiet ? styles.quiet : ""}`}>
        <span className={styles.number}>{number}</span>
        {name}
      </span>
      {children}
    </div>
  );
}

interface AttemptProps {
  chapter: Chapter & { kind: "attempt" };
  execution: ExecutionDetail;
  message: string | null;
  isLast: boolean;
  isOpen: boolean;
}

function AttemptChapter({ chapter, execution, message, isLast, isOpen }: AttemptProps) {
  const { attempt } = chapter;
  const isBetween = isLast && execution.state === "retrying";
  const outcome = isBetween ? { name: stateOf("retrying").name, tone: stateOf("retrying").tone } : outcomeOf(attempt.outcome);
  const { from, to } = spanOf(attempt);
  const tries = triesOf(attempt);
  const hasFailed = attempt.outcome === "failed" || attempt.outcome === "unknown";
  return (
    <Row tone={outcome.tone} type={attempt.step.type}>
      {chapter.after !== null && <p className={styles.pause}>{duration(chapter.after)} later</p>}
      <Disclosure defaultExpanded={isOpen && hasFailed}>
        <Heading level={3} className={styles.heading!}>
          <AriaButton slot="trigger" className={styles.trigger!}>
            <span className={styles.title}>
              <span className={styles.number}>{attempt.step.number}</span>
              {stepName(attempt.step, attempt.step.number)}
            </span>
            <Badge tone={outcome.tone}>{outcome.name}</Badge>
            {chapter.isRetry && <Badge tone="quiet">Retry</Badge>}
            {tries.length > 1 && <span className={styles.quiet}>{tries.length} tries</span>}
            {attempt.warnings.length > 0 && <Badge tone="warn">{attempt.warnings.length === 1 ? "1 warning" : `${attempt.warnings.length} warnings`}</Badge>}
            <span className={styles.when}>
              <Took from={from} to={isBetween ? (attempt.ended_at ?? null) : to} />
              <At at={from} />
            </span>
            <ChevronRight className={styles.chevron} aria-hidden />
          </AriaButton>
        </Heading>
        {message && (
          <p className={`${styles.message} ${styles[outcome.tone === "warn" ? "warnText" : "badText"]}`}>
            <Words text={message} />
          </p>
        )}
        {isBetween && <Now execution={execution} />}
        <DisclosurePanel className={styles.panel!}>
          {chapter.otherVersion && <p className={styles.quiet}>It ran on version {attempt.version} of the workflow.</p>}
          {tries.length > 1 ? tries.map((it, index) => <TryPart key={it.number} it={it} isLast={index === tries.length - 1} saysFailure={index < tries.length - 1} />) : <TryBody it={attempt} />}
        </DisclosurePanel>
      </Disclosure>
    </Row>
  );
}

/** Why an attempt failed. One that is older than the server's memory of it has its execution's words, if it is the last. */
function messageOf(attempt: Attempt, execution: ExecutionDetail, isLast: boolean, saysFailure: boolean): string | null {
  if (attempt.outcome !== "failed" && attempt.outcome !== "unknown") return null;
  const isFinal = isLast && stateOf(execution.state).status === "Fail";
  if (isFinal && !saysFailure) return null;
  const said = attempt.message ?? (isFinal ? execution.errors?.[0] : isLast && execution.state === "retrying" ? execution.last_try?.message : null);
  return said ? withoutTitle(said) : null;
}

/** One of several tries of a step. */
function TryPart({ it, isLast, saysFailure }: { it: Try; isLast: boolean; saysFailure: boolean }) {
  const outcome = outcomeOf(it.outcome);
  return (
    <Disclosure className={styles.try!} defaultExpanded={isLast}>
      <Heading level={4} className={styles.heading!}>
        <AriaButton slot="trigger" className={styles.trigger!}>
          <ChevronRight className={styles.chevron} aria-hidden />
          <span className={styles.title}>Try {it.try}</span>
          <Badge tone={outcome.tone}>{outcome.name}</Badge>
          <span className={styles.when}>
            <Took from={it.started_at} to={it.ended_at} />
            <At at={it.started_at} />
          </span>
        </AriaButton>
      </Heading>
      {saysFailure && it.message && (
        <p className={`${styles.message} ${styles.badText} ${styles.inTry}`}>
          <Words text={withoutTitle(it.message)} />
        </p>
      )}
      <DisclosurePanel className={styles.panel!}>
        <TryBody it={it} />
      </DisclosurePanel>
    </Disclosure>
  );
}

function TryBody({ it }: { it: Try }) {
  const errors = fieldErrors(it.field_errors);
  return (
    <>
      {errors.length > 0 && (
        <div className={styles.said}>
          <strong>Fields that were refused</strong>
          <ul>
            {errors.map(([field, said]) => (
              <li key={field}>
                <b>{field}</b> {said.join("; ")}
              </li>
            ))}
          </ul>
        </div>
      )}
      {it.warnings.length > 0 && (
        <div className={`${styles.said} ${styles.warned}`}>
          <strong>Warnings</strong>
          <ul>
            {it.warnings.map((warning) => (
              <li key={warning}>
                <Words text={warning} />
              </li>
            ))}
          </ul>
        </div>
      )}
      {it.ended_at === null ? <p className={styles.quiet}>It is under way. What it sends and gets is shown when it has ended.</p> : <HttpRecord record={it.record} curl={it.curl} />}
    </>
  );
}

/** What an execution that has not ended is doing, and until when. */
export function Now({ execution }: { execution: ExecutionDetail }) {
  const { state, wakes_at, next_try_at, blocked_by } = execution;
  return (
    <p className={styles.now}>
      {state === "waiting" && wakes_at ? (
        <>
          Goes on in <Left until={wakes_at} over="a moment" /> (<At at={wakes_at} />)
        </>
      ) : state === "retrying" && next_try_at ? (
        <>
          Next try in <Left until={next_try_at} over="a moment" /> (<At at={next_try_at} />)
        </>
      ) : state === "blocked" && blocked_by ? (
        <Words text={blocked_by} />
      ) : (
        stateOf(state).says
      )}
    </p>
  );
}
