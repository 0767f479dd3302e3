// The task's name, its stage, who has it, and what can be done.
import { useMutation } from "@tanstack/react-query";
import { ArrowLeft, Ellipsis, Link as LinkIcon, MoveRight, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link, useNavigate } from "react-router";
import { type Schemas, answer, client } from "../../api/client";
import { queryClient } from "../../api/queries";
import { taskQuery, writeTask } from "../../api/tasks";
import { ASSIGNED_TO, type Field, STAGE, type Task, titleField, titleOf } from "../../model/tasks/columns";
import { Button } from "../../parts/Button";
import { copy } from "../../parts/Copy";
import { Confirm, DialogButtons, Modal } from "../../parts/Dialog";
import { Select } from "../../parts/Field";
import { Dot, StageMark } from "../../parts/Marks";
import { Menu } from "../../parts/Menu";
import { say, sayError } from "../../parts/Toasts";
import type { StageColors } from "../../parts/task/CellValue";
import type { People } from "../../parts/task/people";
import { listAddress } from "../../parts/task/useView";
import { PersonChoice } from "../../parts/task/ValueInput";
import styles from "./TaskPage.module.css";

interface HeadProps {
  workflow: string;
  address: string;
  task: Task;
  fields: Field[];
  colors: StageColors;
  stages: Schemas["Stage"][];
  people: People;
  canEdit: boolean;
  /** Whether somebody may move it without an action. */
  canMove: boolean;
  children: ReactNode;
}

export function Head({ workflow, address, task, fields, colors, stages, people, canEdit, canMove, children }: HeadProps) {
  const navigate = useNavigate();
  const [asked, setAsked] = useState<"delete" | "move" | null>(null);
  const unique = fields.find((it) => it.type === "uniqueId");
  const number = unique && unique !== titleField(fields) ? task[unique.name] : null;

  const write = useMutation({
    mutationFn: (values: Record<string, unknown>) => writeTask(workflow, address, values),
    onSuccess: (written) => {
      queryClient.setQueryData(taskQuery(workflow, address).queryKey, written);
      void queryClient.invalidateQueries({ queryKey: ["workflow", workflow, "task", address] });
      setAsked(null);
    },
    onError: sayError,
  });
  const remove = useMutation({
    mutationFn: () => answer(client.DELETE("/api/v1/workflows/{workflow}/tasks/{task}", { params: { path: { workflow, task: address } } })),
    onSuccess: () => {
      say("The task is deleted.");
      navigate(listAddress(workflow));
      queryClient.removeQueries({ queryKey: ["workflow", workflow, "task", address] });
      void queryClient.invalidateQueries({ queryKey: ["workflow", workflow] });
    },
    onError: sayError,
  });
  const choose = async (id: string) => {
    if (id === "delete" || id === "move") return setAsked(id);
    try {
      await copy(location.href);
      say("The link is copied.");
    } catch (error) {
      sayError(error);
    }
  };
  const assignee = task[ASSIGNED_TO];
  return (
    <header className={styles.head}>
      <div className={styles.names}>
        <Link to={listAddress(workflow)} className={styles.back!}>
          <ArrowLeft aria-hidden /> Tasks
        </Link>
        <h1 className={styles.title}>
          {titleOf(task, fields)}
          {typeof number === "string" && <span className={styles.number}>{number}</span>}
        </h1>
      </div>
      <div className={styles.tools}>
        <span className={styles.stage}>
          <span className="unseen">Stage: </span>
          <StageMark name={task.Stage} color={colors.get(task.Stage)} />
        </span>
        <div className={styles.assignee}>
          {canEdit ? (
            <PersonChoice label={ASSIGNED_TO} hideLabel value={assignee ?? ""} onChange={(email) => write.mutate({ [ASSIGNED_TO]: email || null })} people={people.list} />
          ) : (
            <span className={styles.stage}>{assignee ? (people.names.get(assignee.toLowerCase()) ?? assignee) : "Nobody"}</span>
          )}
        </div>
        <Menu
          label="More"
          groups={[
            { id: "task", entries: [{ id: "copy", name: "Copy link", icon: <LinkIcon aria-hidden /> }, ...(canMove ? [{ id: "move", name: "Move to another stage", icon: <MoveRight aria-hidden /> }] : [])] },
            { id: "danger", entries: canEdit ? [{ id: "delete", name: "Delete task", icon: <Trash2 aria-hidden />, danger: true }] : [] },
          ]}
          onChoose={(id) => void choose(id)}
        >
          <Button aria-label="More" icon={<Ellipsis aria-hidden />} />
        </Menu>
        <span className={styles.space} />
        {children}
      </div>
      <Confirm title="Delete this task?" does="Delete task" danger isOpen={asked === "delete"} isPending={remove.isPending} onConfirm={() => remove.mutate()} onClose={() => setAsked(null)}>
        <p>It is gone for good, with its comments and its checklist. Its executions stay in the list of executions.</p>
      </Confirm>
      {asked === "move" && <Move stage={task.Stage} stages={stages} isPending={write.isPending} onMove={(stage) => write.mutate({ [STAGE]: stage })} onClose={() => setAsked(null)} />}
    </header>
  );
}

function Move({ stage, stages, isPending, onMove, onClose }: { stage: string; stages: Schemas["Stage"][]; isPending: boolean; onMove: (stage: string) => void; onClose: () => void }) {
  const others = stages.filter((it) => it.name !== stage);
  const [to, setTo] = useState(others[0]?.name ?? null);
  return (
    <Modal title="Move to another stage" isOpen onClose={onClose} isDismissable>
      <p>No action is performed: no step runs, and nobody is called.</p>
      <Select label="Stage" value={to} onChange={setTo} options={others.map(({ name, color }) => ({ id: name, name, icon: <Dot color={color} /> }))} />
      <DialogButtons>
        <Button onPress={onClose}>Cancel</Button>
        <Button look="primary" isPending={isPending} isDisabled={to === null} onPress={() => to !== null && onMove(to)}>
          Move
        </Button>
      </DialogButtons>
    </Modal>
  );
}
