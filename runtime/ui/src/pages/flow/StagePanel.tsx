// The sidebar of one stage: its colour and name, whether it ends a task, its checklist, and the arrows from and to it.
import { Plus, Spline, Trash2, X } from "lucide-react";
import { Button as AriaButton } from "react-aria-components";
import { type Action, type ChecklistItem, type Stage, actionById, actionsOf, stagesOf, stepsOf } from "../../model/flow/document";
import { type Thing, changeStage, movesTo, offer, renameStage } from "../../model/flow/edit";
import { about } from "../../model/flow/problems";
import { Button, IconButton } from "../../parts/Button";
import { Checkbox, TextField } from "../../parts/Field";
import { Dot } from "../../parts/Marks";
import { Menu, type MenuGroup } from "../../parts/Menu";
import { connectAt } from "./Canvas";
import { NameColor } from "./NameColor";
import styles from "./Panel.module.css";
import { Beside } from "./Problems";
import sidebar from "./Sidebar.module.css";
import { useBuilder } from "./state";
import { focusName } from "./Toolbar";

export function StagePanel({ stage, onRemove }: { stage: Stage; onRemove: () => void }) {
  const { document, edit, problems, isReadOnly } = useBuilder();
  const offered = actionsOf(document).filter((it) => it.from.includes(stage.name));
  const leading = actionsOf(document).filter((it) => stepsOf(it).some((step) => movesTo(step, stage)));
  return (
    <>
      <NameColor
        what="stage"
        name={stage.name}
        color={stage.color}
        taken={stagesOf(document).flatMap((it) => (it.id === stage.id ? [] : [it.name]))}
        isDisabled={isReadOnly}
        onName={(name) => edit((it) => renameStage(it, stage.id, name), `name ${stage.id}`)}
        onColor={(color) => edit((it) => changeStage(it, stage.id, { color }), `color ${stage.id}`)}
      />
      <Beside problems={about(problems, "stage", stage.id)} />
      <Checkbox value={!!stage.end} onChange={(end) => edit((it) => changeStage(it, stage.id, end ? { end } : { end: undefined as never }))} isDisabled={isReadOnly}>
        End stage: tasks here are no longer active
      </Checkbox>

      <section className={styles.section} aria-label="Actions offered here">
        <h2>Actions offered here</h2>
        {offered.length === 0 && <p className={styles.hint}>{stage.end ? "None: tasks end here." : "None yet. Drag an arrow to another stage, or connect it below."}</p>}
        <Arrows actions={offered} onRemove={(action) => edit((it) => offer(it, action.id, stage.id, false))} />
        {!isReadOnly && <Connect stage={stage} />}
      </section>

      {leading.length > 0 && (
        <section className={styles.section} aria-label="Actions that lead here">
          <h2>Actions that lead here</h2>
          <Arrows actions={leading} />
        </section>
      )}

      <Checklist stage={stage} />
      {!isReadOnly && (
        <div className={styles.buttons}>
          <Button small icon={<Trash2 aria-hidden />} onPress={onRemove}>
            Remove the stage
          </Button>
        </div>
      )}
    </>
  );
}

function Arrows({ actions, onRemove }: { actions: Action[]; onRemove?: (action: Action) => void }) {
  const { select, isReadOnly } = useBuilder();
  return (
    <ul className={sidebar.things}>
      {actions.map((action) => (
        <li key={action.id}>
          <AriaButton className={sidebar.thing!} onPress={() => select([{ kind: "action", id: action.id }])}>
            <Dot color={action.color} />
            <span className={sidebar.name}>{action.name}</span>
          </AriaButton>
          {onRemove && !isReadOnly && <IconButton small label={`No longer offer ${action.name} here`} icon={<X />} onPress={() => onRemove(action)} />}
        </li>
      ))}
    </ul>
  );
}

/** The way to draw an arrow without a mouse. */
function Connect({ stage }: { stage: Stage }) {
  const { document, edit, select } = useBuilder();
  const own: Thing = { kind: "stage", id: stage.id };
  const actions = actionsOf(document).filter((it) => !it.from.includes(stage.name));
  const groups: MenuGroup[] = [
    {
      id: "stages",
      title: "A new action that moves to",
      entries: stagesOf(document).filter((it) => it.id !== stage.id).map((it) => ({ id: `stage:${it.id}`, name: it.name, icon: <Dot color={it.color} /> })),
    },
    { id: "actions", title: "Offer here", entries: actions.map((it) => ({ id: `action:${it.id}`, name: it.name, icon: <Dot color={it.color} /> })) },
  ];
  const choose = (chosen: string) => {
    const [kind, id] = [chosen.slice(0, chosen.indexOf(":")) as Thing["kind"], chosen.slice(chosen.indexOf(":") + 1)];
    let made: string | undefined;
    edit((it) => {
      const done = connectAt(it, own, { kind, id });
      made = done.made;
      return done.document;
    });
    if (made) {
      select([{ kind: "action", id: made }]);
      focusName();
    } else if (kind === "action" && actionById(document, id)) select([own]);
  };
  return (
    <Menu label="Connect to" groups={groups} onChoose={choose}>
      <AriaButton className={styles.add!}>
        <Spline aria-hidden />
        Connect to…
      </AriaButton>
    </Menu>
  );
}

const titleOf = (item: ChecklistItem): string => (typeof item === "string" ? item : item.title);
const withTitle = (item: ChecklistItem, title: string): ChecklistItem => (typeof item === "string" ? title : { ...item, title });

function Checklist({ stage }: { stage: Stage }) {
  const { edit, isReadOnly } = useBuilder();
  const items = stage.checklist ?? [];
  const set = (checklist: ChecklistItem[], key?: string) => edit((it) => changeStage(it, stage.id, { checklist: (checklist.length > 0 ? checklist : undefined) as ChecklistItem[] }), key);
  return (
    <section className={styles.section} aria-label="Checklist">
      <h2>Checklist</h2>
      {items.length === 0 && <p className={styles.hint}>What is to be done for every task in this stage.</p>}
      {items.map((item, index) => (
        <div className={styles.line} key={index}>
          <TextField label={`Item ${index + 1}`} hideLabel value={titleOf(item)} maxLength={300} isReadOnly={isReadOnly} error={titleOf(item).trim() === "" ? "Say what is to be done." : undefined} onChange={(title) => set(items.map((it, at) => (at === index ? withTitle(it, title) : it)), `item ${stage.id} ${index}`)} />
          {!isReadOnly && <IconButton small label={`Remove item ${index + 1}`} icon={<X />} onPress={() => set(items.filter((_, at) => at !== index))} />}
        </div>
      ))}
      {!isReadOnly && (
        <AriaButton className={styles.add!} onPress={() => set([...items, "New item"])}>
          <Plus aria-hidden />
          New item
        </AriaButton>
      )}
    </section>
  );
}
