// A menu that is found by typing: step types, and the places that a text may have.
import { type ReactNode, useMemo, useState } from "react";
import { Autocomplete, Dialog, DialogTrigger, Input, SearchField } from "react-aria-components";
import { type MenuGroup, MenuList } from "../../parts/Menu";
import { Popup } from "../../parts/Popup";
import styles from "./SearchMenu.module.css";

interface Props {
  /** The button that opens it. */
  children: ReactNode;
  label: string;
  search: string;
  /** What is said where nothing is found. */
  none: string;
  groupsFor: (search: string) => MenuGroup[];
  onChoose: (id: string) => void;
}

export function SearchMenu({ children, label, search: hint, none, groupsFor, onChoose }: Props) {
  const [isOpen, setOpen] = useState(false);
  const [search, setSearch] = useState("");
  const groups = useMemo(() => groupsFor(search), [groupsFor, search]);
  const open = (isNow: boolean) => {
    setOpen(isNow);
    if (!isNow) setSearch("");
  };
  return (
    <DialogTrigger isOpen={isOpen} onOpenChange={open}>
      {children}
      <Popup className={styles.popover} placement="bottom start">
        <Dialog className={styles.dialog!} aria-label={label}>
          <Autocomplete inputValue={search} onInputChange={setSearch}>
            <SearchField className={styles.search!} aria-label={hint} autoFocus>
              <Input className={styles.input!} placeholder="Search" />
            </SearchField>
            {groups.length > 0 ? (
              <MenuList
                label={label}
                groups={groups}
                onChoose={(id) => {
                  open(false);
                  onChoose(id);
                }}
              />
            ) : (
              <p className={styles.none}>{none}</p>
            )}
          </Autocomplete>
        </Dialog>
      </Popup>
    </DialogTrigger>
  );
}
