// The modal of a step: the API call's own form, or one made from the schema of its type; Test and Apply.
import { Lightbulb, Play } from "lucide-react";
import { useMemo, useState } from "react";
import { Button as AriaButton } from "react-aria-components";
import { type Step, actionById, same, stepsOf } from "../../model/flow/document";
import { about, tokens } from "../../model/flow/problems";
import { titled } from "../../model/flow/schema";
import { type OpenStep, applied, newStep } from "../../model/flow/steps";
import { check } from "../../model/flow/validate";
import { Button } from "../../parts/Button";
import { Confirm, Modal } from "../../parts/Dialog";
import { TextField } from "../../parts/Field";
import { Menu } from "../../parts/Menu";
import { Notice } from "../../parts/States";
import { StepIcon } from "../../parts/StepIcon";
import { Words } from "../../parts/Words";
import { ApiCallForm } from "./ApiCallForm";
import styles from "./Form.module.css";
import panel from "./Panel.module.css";
import { Beside } from "./Problems";
import { SchemaForm } from "./SchemaForm";
import { useBuilder } from "./state";
import { Trial } from "./Trial";

interface Props {
  open: OpenStep;
  /** What is typed, where that differs from what the document says. */
  typed: Step | undefined;
}

export function StepDialog({ open, typed }: Props) {
  const { document, stepTypes, edit, problems, isReadOnly, isArchived, typeStep, closeStep: onClose } = useBuilder();
  const action = actionById(document, open.action);
  const existing = action && "step" in open ? stepsOf(action).find((it) => it.id === open.step) : undefined;
  const wanted = "type" in open ? open.type : existing?.type;
  const type = stepTypes.find((it) => it.id === wanted);
  const [added] = useState<Step | undefined>(() => (existing ? undefined : type && newStep(document, open.action, type)));
  // Until something is typed it is as the document has it by now: somebody else may have saved it anew.
  const begun = existing ?? added;
  // What is there when the dialog opens was typed before the page was left.
  const [isRestored] = useState(typed !== undefined);
  const step = typed ?? begun;
  const setStep = (next: Step) => typeStep(isReadOnly || same(next, begun) ? undefined : next);
  const [isLeaving, setLeaving] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const [isTesting, setTesting] = useState(false);
  const faults = useMemo(() => (type && step ? check(type.schema, parameters(step)) : []), [type, step]);
  if (!action || !step) return null;

  const told = existing && same(step, existing) ? about(problems, "action", action.id, step.id) : [];
  const errorAt = (path: string): string | undefined => {
    const own = isAsked ? faults.find((it) => it.path === path)?.message : undefined;
    return own ?? told.find((it) => it.level === "problem" && it.concerns.kind === "action" && it.concerns.at === path)?.message;
  };
  const apply = () => {
    if (faults.length > 0) return setAsked(true);
    edit((it) => applied(it, { open, step }));
    onClose();
  };
  const examples = (type?.examples ?? []) as { title?: string; params?: Record<string, unknown> }[];
  const form = { step, onChange: setStep, errorAt, isReadOnly };
  return (
    <Modal
      title={
        <>
          <span className={styles.titleIcon}>
            <StepIcon type={step.type} />
          </span>{" "}
          {type?.name ?? step.type}
        </>
      }
      isOpen
      onClose={() => (typed ? setLeaving(true) : onClose())}
      wide
    >
      {isRestored && (
        <Notice kind="info" title="This is what you typed before you left">
          It is not applied yet.
        </Notice>
      )}
      {!type && (
        <Notice kind="bad" title={`No plugin brings the step type ${step.type}`}>
          The step stays as it is. It can be removed, or its plugin be installed again.
        </Notice>
      )}
      {type && type.id !== "api_call" && (
        <div className={styles.top}>
          <p className={styles.hint}>
            <Words text={type.summary} />
          </p>
          {!isReadOnly && examples.length > 0 && (
            <Menu label="Examples" groups={[{ id: "examples", entries: examples.map((it, index) => ({ id: String(index), name: it.title ?? `Example ${index + 1}` })) }]} onChoose={(index) => setStep({ ...examples[Number(index)]!.params, id: step.id, name: step.name, type: step.type })}>
              <AriaButton className={panel.add!}>
                <Lightbulb aria-hidden />
                Examples
              </AriaButton>
            </Menu>
          )}
        </div>
      )}
      <Beside problems={told} />
      {type && (type.id === "api_call" ? <ApiCallForm {...form} /> : <SchemaForm {...form} schema={type.schema} />)}
      <TextField
        label="Name of the step"
        description="What executions and errors call it."
        value={step.name}
        onChange={(name) => setStep({ ...step, name })}
        error={step.name.trim() === "" ? "A name is needed." : stepsOf(action).some((it) => it.id !== step.id && it.name === step.name) ? "Another step of this action has this name." : undefined}
        maxLength={100}
        isReadOnly={isReadOnly}
      />
      {isTesting && <Trial action={action} step={step} faults={faults.length} onClose={() => setTesting(false)} />}
      <div className={styles.footer}>
        {isAsked && faults.length > 0 && (
          <Notice kind="bad" title={faults.length === 1 ? "One thing is not as it needs to be" : `${faults.length} things are not as they need to be`}>
            {faults.map((it) => `${tokens(it.path).map(titled).join(", ") || "The step"}: ${it.message}`).join(" ")}
          </Notice>
        )}
        <div className={styles.apply}>
          {!isTesting && type && !isArchived && (
            <Button icon={<Play aria-hidden />} onPress={() => setTesting(true)}>
              Test
            </Button>
          )}
          {!isReadOnly && type && (
            <Button look="good" onPress={apply} isDisabled={step.name.trim() === ""}>
              Apply
            </Button>
          )}
        </div>
      </div>
      <Confirm title="Leave without applying?" does="Leave" danger isOpen={isLeaving} onConfirm={onClose} onClose={() => setLeaving(false)}>
        <p>What you changed in this step would be lost.</p>
      </Confirm>
    </Modal>
  );
}

/** What of a step its type's schema speaks of. */
function parameters({ id: _id, name: _name, type: _type, ...rest }: Step): Record<string, unknown> {
  return rest;
}
