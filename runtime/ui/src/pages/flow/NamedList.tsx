// A list of named things of the workflow, each of which opens to be changed.
import { ChevronDown, ChevronUp, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { IconButton } from "../../parts/Button";
import styles from "./NamedList.module.css";

interface Thing {
  id: string;
  name: string;
}

interface Props<Of extends Thing> {
  things: Of[];
  /** What one is, in few words. */
  summary: (thing: Of) => string;
  detail: (thing: Of) => ReactNode;
  /** The one that is open. */
  open: string | undefined;
  onOpen: (id: string | undefined) => void;
  isReadOnly: boolean;
  /** Where their order counts. */
  onMove?: (id: string, to: number) => void;
  onRemove: (id: string) => void;
}

export function NamedList<Of extends Thing>({ things, summary, detail, open, onOpen, isReadOnly, onMove, onRemove }: Props<Of>) {
  return (
    <ul className={styles.things}>
      {things.map((thing, index) => {
        const isOpen = open === thing.id;
        return (
          <li key={thing.id} className={styles.thing}>
            <div className={styles.row}>
              <button type="button" className={styles.name} aria-expanded={isOpen} onClick={() => onOpen(isOpen ? undefined : thing.id)}>
                {isOpen ? <ChevronUp aria-hidden /> : <ChevronDown aria-hidden />}
                <span>{thing.name}</span>
                <span className={styles.summary}>{summary(thing)}</span>
              </button>
              {!isReadOnly && (
                <>
                  {onMove && (
                    <>
                      <IconButton small label={`Move ${thing.name} up`} icon={<ChevronUp />} isDisabled={index === 0} onPress={() => onMove(thing.id, index - 1)} />
                      <IconButton small label={`Move ${thing.name} down`} icon={<ChevronDown />} isDisabled={index === things.length - 1} onPress={() => onMove(thing.id, index + 1)} />
                    </>
                  )}
                  <IconButton small label={`Remove ${thing.name}`} icon={<Trash2 />} onPress={() => onRemove(thing.id)} />
                </>
              )}
            </div>
            {isOpen && (
              <div className={styles.detail} data-thing-open>
                {detail(thing)}
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** Which one is open; one that is new is opened with its name selected, to be written over. */
export function useOpenThing() {
  const [open, setOpen] = useState<string>();
  const openNew = (id: string | undefined) => {
    setOpen(id);
    requestAnimationFrame(() => {
      const input = document.querySelector<HTMLInputElement>("[data-thing-open] input");
      input?.focus();
      input?.select();
    });
  };
  return { open, setOpen, openNew };
}
