// An action's steps in their order: dragged by hand or by keyboard, opened, removed.
import { CircleAlert, CircleMinus, GripVertical, TriangleAlert } from "lucide-react";
import { Button as AriaButton, GridList, GridListItem, useDragAndDrop } from "react-aria-components";
import { type Action, type Step, stageByName, stepsOf } from "../../model/flow/document";
import type { Placed } from "../../model/flow/problems";
import { removeStep, reorderSteps, summarize } from "../../model/flow/steps";
import { IconButton } from "../../parts/Button";
import { Dot } from "../../parts/Marks";
import { StepIcon } from "../../parts/StepIcon";
import styles from "./StepList.module.css";
import { useBuilder } from "./state";

export function StepList({ action, problems }: { action: Action; problems: Placed[] }) {
  const { edit, openStep, isReadOnly } = useBuilder();
  const steps = stepsOf(action);
  const { dragAndDropHooks } = useDragAndDrop({
    getItems: (keys) => [...keys].map((key) => ({ "text/plain": steps.find((it) => it.id === key)?.name ?? "" })),
    onReorder: ({ keys, target }) => {
      if (target.dropPosition === "on") return;
      const where = target.dropPosition;
      edit((it) => reorderSteps(it, action.id, [...keys].map(String), String(target.key), where));
    },
    isDisabled: isReadOnly,
  });
  if (steps.length === 0) return <p className={styles.none}>No step yet.</p>;
  return (
    <GridList aria-label="Steps" className={styles.list!} items={steps} dependencies={[problems, isReadOnly, steps]} dragAndDropHooks={dragAndDropHooks} onAction={(key) => openStep({ action: action.id, step: String(key) })}>
      {(step) => <Row action={action} step={step} problems={problems.filter(({ concerns }) => concerns.kind === "action" && concerns.step?.id === step.id)} />}
    </GridList>
  );
}

function Row({ action, step, problems }: { action: Action; step: Step; problems: Placed[] }) {
  const { document, edit, stepTypes, isReadOnly } = useBuilder();
  const type = stepTypes.find((it) => it.id === step.type);
  const { text, stage, address } = summarize(step, type);
  const said = [text, stage, address].filter(Boolean).join(" ");
  const worst = problems.find((it) => it.level === "problem") ?? problems[0];
  return (
    <GridListItem id={step.id} textValue={said} className={styles.row!}>
      {!isReadOnly && (
        <AriaButton slot="drag" className={styles.grip!} aria-label={`Move ${said}`}>
          <GripVertical aria-hidden />
        </AriaButton>
      )}
      <span className={`${styles.card} ${worst?.level === "problem" ? styles.bad : ""}`} title={step.name}>
        <StepIcon type={step.type} />
        <span className={styles.text}>
          {text}
          {stage !== undefined && (
            <>
              {" "}
              <Dot color={stageByName(document, stage)?.color} /> {stage || "…"}
            </>
          )}
          {address !== undefined && <span className={styles.address}> {address || "…"}</span>}
        </span>
        {worst && (worst.level === "problem" ? <CircleAlert className={styles.problem} aria-label={worst.message} /> : <TriangleAlert className={styles.finding} aria-label={worst.message} />)}
      </span>
      {!isReadOnly && <IconButton small label={`Remove ${said}`} icon={<CircleMinus />} onPress={() => edit((it) => removeStep(it, action.id, step.id))} />}
    </GridListItem>
  );
}
