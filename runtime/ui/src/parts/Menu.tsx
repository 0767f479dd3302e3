// Menus: what a button opens to choose what is done.
import { Check } from "lucide-react";
import type { ReactNode } from "react";
import { Header, Menu as AriaMenu, MenuItem, MenuSection, MenuTrigger, Separator } from "react-aria-components";
import styles from "./Menu.module.css";
import { Popup } from "./Popup";

export interface MenuEntry {
  id: string;
  name: string;
  /** A second, quieter line. */
  detail?: string;
  icon?: ReactNode;
  danger?: boolean;
  isDisabled?: boolean;
  /** It is what holds at the moment. */
  isChosen?: boolean;
  href?: string;
}

export interface MenuGroup {
  id: string;
  title?: string;
  entries: MenuEntry[];
}

interface MenuProps {
  /** The button that opens it. */
  children: ReactNode;
  label: string;
  groups: MenuGroup[];
  onChoose: (id: string) => void;
}

export function Menu({ children, label, groups, onChoose }: MenuProps) {
  const filled = groups.filter((group) => group.entries.length > 0);
  return (
    <MenuTrigger>
      {children}
      <Popup className={styles.popover}>
        <MenuList label={label} groups={filled} onChoose={onChoose} />
      </Popup>
    </MenuTrigger>
  );
}

/** The list alone, for a popover of one's own. */
export function MenuList({ label, groups, onChoose }: Omit<MenuProps, "children">) {
  return (
    <AriaMenu className={styles.menu!} aria-label={label} onAction={(key) => onChoose(String(key))}>
      {groups.map((group, index) => (
        <MenuSection key={group.id} aria-label={group.title ?? group.id}>
          {index > 0 && <Separator className={styles.separator!} />}
          {group.title && <Header className={styles.title!}>{group.title}</Header>}
          {group.entries.map((entry) => (
            <MenuItem
              key={entry.id}
              id={entry.id}
              textValue={entry.name}
              className={`${styles.item} ${entry.danger ? styles.danger : ""}`}
              isDisabled={entry.isDisabled ?? false}
              {...(entry.href && { href: entry.href })}
            >
              {entry.icon}
              <span className={styles.name}>
                {entry.name}
                {entry.detail && <span className={styles.detail}>{entry.detail}</span>}
              </span>
              {entry.isChosen && (
                <>
                  <Check aria-hidden />
                  <span className="unseen">, chosen</span>
                </>
              )}
            </MenuItem>
          ))}
        </MenuSection>
      ))}
    </AriaMenu>
  );
}
