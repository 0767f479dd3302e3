// The first line of a stage or an action: its colour and its name.
import { ChevronDown } from "lucide-react";
import { useEffect, useState } from "react";
import { Button as AriaButton } from "react-aria-components";
import { COLORS } from "../../model/color";
import { nameProblem } from "../../model/flow/fields";
import { TextField } from "../../parts/Field";
import { Dot } from "../../parts/Marks";
import { Menu } from "../../parts/Menu";
import styles from "./Panel.module.css";

interface Props {
  what: string;
  name: string;
  color: string | undefined;
  /** Names of the others of its kind. */
  taken: string[];
  isDisabled: boolean;
  onName: (name: string) => void;
  onColor: (color: string) => void;
}

const OWN = "own";
const titled = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

export function NameColor({ what, name, color, taken, isDisabled, onName, onColor }: Props) {
  const [isOwn, setOwn] = useState(color?.startsWith("#") ?? false);
  const entries = [...COLORS.map((it) => ({ id: it, name: titled(it), icon: <Dot color={it} /> })), { id: OWN, name: "A colour of its own", icon: <Dot color={isOwn ? color : "#000000"} /> }];
  const choose = (id: string) => {
    setOwn(id === OWN);
    onColor(id === OWN ? (color?.startsWith("#") ? color : "#3d7be0") : id);
  };
  return (
    <>
      <div className={styles.nameColor}>
        <Menu label="Colour" groups={[{ id: "colors", entries }]} onChoose={choose}>
          <AriaButton className={styles.color!} aria-label={`Colour: ${color ?? "gray"}`} isDisabled={isDisabled}>
            <Dot color={color} />
            <ChevronDown aria-hidden />
          </AriaButton>
        </Menu>
        <div className={styles.grow} data-thing-name>
          <NameField label={`Name of the ${what}`} hideLabel name={name} taken={taken} isDisabled={isDisabled} onName={onName} />
        </div>
      </div>
      {isOwn && (
        <label className={styles.own}>
          Its colour
          <input type="color" value={color?.startsWith("#") ? color : "#000000"} disabled={isDisabled} onChange={(event) => onColor(event.target.value)} />
        </label>
      )}
    </>
  );
}

interface NameFieldProps {
  label: string;
  hideLabel?: boolean;
  name: string;
  taken: string[];
  isDisabled?: boolean;
  problemOf?: typeof nameProblem;
  onName: (name: string) => void;
}

/** A name that is followed by everything that names it: only a sound one is handed on, so that two things never share one while it is typed. */
export function NameField({ label, hideLabel = false, name, taken, isDisabled = false, problemOf = nameProblem, onName }: NameFieldProps) {
  const [typed, setTyped] = useState(name);
  useEffect(() => setTyped(name), [name]);
  const change = (next: string) => {
    setTyped(next);
    const sound = next.trim();
    if (sound !== name && !problemOf(sound, taken) && next === sound) onName(sound);
  };
  const leave = () => {
    const sound = typed.trim();
    if (problemOf(sound, taken)) setTyped(name);
    else if (sound !== name) onName(sound);
    else setTyped(name);
  };
  return <TextField label={label} hideLabel={hideLabel} value={typed} onChange={change} onBlur={leave} error={typed.trim() === name ? undefined : problemOf(typed.trim(), taken)} isReadOnly={isDisabled} maxLength={100} />;
}
