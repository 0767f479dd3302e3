// What is to be done in each stage beside the task's values: ticked, skipped, given to somebody, and added to.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Check, ChevronRight, Ellipsis, Minus, Pencil, Plus, SkipForward, Trash2, Undo2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button as AriaButton, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import { type Schemas, answer, client } from "../../api/client";
import { queryClient } from "../../api/queries";
import { checklistQuery } from "../../api/tasks";
import { type ChecklistItem, type StageItems, byStages } from "../../model/tasks/checklist";
import { Button, IconButton } from "../../parts/Button";
import { TextField } from "../../parts/Field";
import { Avatar, Dot } from "../../parts/Marks";
import { Menu, type MenuGroup } from "../../parts/Menu";
import { Card } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";
import { sayError } from "../../parts/Toasts";
import type { People } from "../../parts/task/people";
import styles from "./Checklist.module.css";

interface ChecklistProps {
  workflow: string;
  address: string;
  /** Where the task is. */
  stage: string;
  stages: Schemas["Stage"][];
  people: People;
  canEdit: boolean;
}

export function Checklist({ workflow, address, stage, stages, people, canEdit }: ChecklistProps) {
  const items = useQuery(checklistQuery(workflow, address));
  const groups = byStages(items.data ?? [], stages.map((it) => it.name), stage);
  const own = groups.find((it) => it.stage === stage);
  return (
    <Card title="Checklist" actions={own && <Progress group={own} />}>
      {items.data ? (
        <>
          {groups.length === 0 && <p className={styles.quiet}>There is nothing on it.</p>}
          {groups.map((group) => {
            const list = <Items workflow={workflow} address={address} group={group} people={people} canEdit={canEdit} />;
            const color = stages.find((it) => it.name === group.stage)?.color;
            return group.stage === stage ? (
              <div key={group.stage}>{list}</div>
            ) : (
              <Disclosure key={group.stage}>
                <Heading level={3} className={styles.heading!}>
                  <AriaButton slot="trigger" className={styles.trigger!}>
                    <ChevronRight aria-hidden />
                    <Dot color={color} />
                    {group.stage}
                    <span className={styles.quiet}>
                      {group.done} of {group.items.length}
                    </span>
                  </AriaButton>
                </Heading>
                <DisclosurePanel>{list}</DisclosurePanel>
              </Disclosure>
            );
          })}
          {canEdit && <NewItem workflow={workflow} address={address} stage={stage} />}
        </>
      ) : items.isError ? (
        <Failed error={items.error} onRetry={() => void items.refetch()} />
      ) : (
        <Loading what="The checklist" />
      )}
    </Card>
  );
}

function Progress({ group }: { group: StageItems }) {
  const { done, items } = group;
  return (
    <div className={styles.progress}>
      <span className={styles.quiet}>
        {done} of {items.length}
      </span>
      <div className={styles.track} role="progressbar" aria-label={`Checklist of ${group.stage}`} aria-valuemin={0} aria-valuemax={items.length} aria-valuenow={done}>
        <div className={styles.bar} style={{ width: `${(done / items.length) * 100}%` }} />
      </div>
    </div>
  );
}

const fresh = (workflow: string, address: string) => queryClient.invalidateQueries({ queryKey: ["workflow", workflow, "task", address] });

interface ItemsProps {
  workflow: string;
  address: string;
  group: StageItems;
  people: People;
  canEdit: boolean;
}

function Items({ workflow, address, group, people, canEdit }: ItemsProps) {
  return (
    <ul className={styles.items} aria-label={`Checklist of ${group.stage}`}>
      {group.items.map((item) => (
        <Item key={item.id} workflow={workflow} address={address} item={item} people={people} canEdit={canEdit} />
      ))}
    </ul>
  );
}

function Item({ workflow, address, item, people, canEdit }: Omit<ItemsProps, "group"> & { item: ChecklistItem }) {
  const [title, setTitle] = useState<string | null>(null);
  const at = { params: { path: { workflow, task: address, item: item.id } } };
  const write = useMutation({
    mutationFn: (body: Schemas["ChecklistItemChange"]) => answer(client.PUT("/api/v1/workflows/{workflow}/tasks/{task}/checklist_items/{item}", { ...at, body })),
    onSuccess: (_, body) => body.title !== undefined && setTitle(null),
    onError: sayError,
    onSettled: () => fresh(workflow, address),
  });
  const remove = useMutation({
    mutationFn: () => answer(client.DELETE("/api/v1/workflows/{workflow}/tasks/{task}/checklist_items/{item}", at)),
    onError: sayError,
    onSettled: () => fresh(workflow, address),
  });
  // What is being written is shown as written.
  const status = (write.isPending && write.variables.status) || item.status;
  const assignee = item["Assigned To"];
  const name = assignee ? (people.names.get(assignee.toLowerCase()) ?? assignee) : null;
  const choose = (id: string) => {
    if (id === "skip") write.mutate({ status: "Skipped" });
    else if (id === "blank") write.mutate({ status: "Blank" });
    else if (id === "rename") setTitle(item.title);
    else if (id === "delete") remove.mutate();
    else write.mutate({ "Assigned To": id === "nobody" ? null : id.slice(1) });
  };
  return (
    <li className={styles.item}>
      <AriaButton
        className={`${styles.tick} ${styles[status]}`}
        aria-label={`${item.title}: ${status === "Completed" ? "completed" : status === "Skipped" ? "skipped" : "to do"}`}
        aria-pressed={status === "Completed"}
        isDisabled={!canEdit}
        onPress={() => write.mutate({ status: status === "Blank" ? "Completed" : "Blank" })}
      >
        {status === "Completed" ? <Check aria-hidden /> : status === "Skipped" ? <Minus aria-hidden /> : null}
      </AriaButton>
      {title === null ? (
        <span className={`${styles.title} ${status === "Blank" ? "" : styles.over}`}>
          {item.title}
          {status === "Skipped" && <span className={styles.quiet}> (skipped)</span>}
        </span>
      ) : (
        <form
          className={styles.rename}
          onSubmit={(event) => {
            event.preventDefault();
            if (title.trim()) write.mutate({ title });
          }}
          onKeyDown={(event) => event.key === "Escape" && setTitle(null)}
        >
          <TextField label="Title" hideLabel value={title} onChange={setTitle} maxLength={300} autoFocus />
          <Button small type="submit" look="primary">
            Save
          </Button>
        </form>
      )}
      {name && title === null && (
        <span title={name}>
          <Avatar name={name} />
          <span className="unseen">Assigned to {name}</span>
        </span>
      )}
      {canEdit && title === null && (
        <Menu label={`More for ${item.title}`} groups={menu(item, status, people)} onChoose={choose}>
          <IconButton small label={`More for ${item.title}`} icon={<Ellipsis />} />
        </Menu>
      )}
    </li>
  );
}

function menu(item: ChecklistItem, status: ChecklistItem["status"], people: People): MenuGroup[] {
  const skip = { id: "skip", name: "Skip", icon: <SkipForward aria-hidden /> };
  const blank = { id: "blank", name: "To do again", icon: <Undo2 aria-hidden /> };
  const added = [
    { id: "rename", name: "Rename", icon: <Pencil aria-hidden /> },
    { id: "delete", name: "Delete", icon: <Trash2 aria-hidden />, danger: true },
  ];
  return [
    { id: "status", entries: status === "Blank" ? [skip] : [blank] },
    {
      id: "assign",
      title: "Assigned To",
      entries: [{ id: "nobody", name: "Nobody" }, ...people.list.map((it) => ({ id: `=${it.email}`, name: it.name, icon: <Avatar name={it.name} /> }))],
    },
    { id: "own", entries: item.editable ? added : [] },
  ];
}

function NewItem({ workflow, address, stage }: { workflow: string; address: string; stage: string }) {
  const [title, setTitle] = useState("");
  const add = useMutation({
    mutationFn: (sent: string) =>
      answer(client.POST("/api/v1/workflows/{workflow}/tasks/{task}/checklist_items", { params: { path: { workflow, task: address } }, body: { title: sent.trim(), Stage: stage } })),
    onSuccess: (_, sent) => setTitle((now) => (now === sent ? "" : now)),
    onError: sayError,
    onSettled: () => fresh(workflow, address),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (title.trim() && !add.isPending) add.mutate(title);
  };
  return (
    <form className={styles.add} onSubmit={submit}>
      <div className={styles.grow}>
        <TextField label={`New item in ${stage}`} hideLabel value={title} onChange={setTitle} placeholder="Add an item" maxLength={300} />
      </div>
      <Button type="submit" icon={<Plus aria-hidden />} isDisabled={!title.trim()} isPending={add.isPending}>
        Add
      </Button>
    </form>
  );
}
