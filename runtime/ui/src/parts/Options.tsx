// A list of things of which one is chosen, with a tick at the one that is.
import { Check } from "lucide-react";
import type { ReactNode } from "react";
import { ListBox, ListBoxItem, type ListBoxProps } from "react-aria-components";
import styles from "./Options.module.css";

export interface Option {
  id: string;
  name: string;
  icon?: ReactNode;
}

export function Options(props: Omit<ListBoxProps<Option>, "className" | "style" | "children">) {
  return (
    <ListBox {...props} className={styles.list!}>
      {(option) => (
        <ListBoxItem id={option.id} textValue={option.name} className={styles.option!}>
          {({ isSelected }) => (
            <>
              {option.icon}
              <span className={styles.name}>{option.name}</span>
              {isSelected && <Check aria-hidden />}
            </>
          )}
        </ListBoxItem>
      )}
    </ListBox>
  );
}
