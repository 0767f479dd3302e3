// What few people change, behind one word.
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { Button, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import styles from "./Form.module.css";

export function More({ title = "More", isOpen = false, children }: { title?: string; isOpen?: boolean; children: ReactNode }) {
  return (
    <Disclosure className={styles.more!} defaultExpanded={isOpen}>
      <Heading level={3} className={styles.moreHead!}>
        <Button slot="trigger" className={styles.moreButton!}>
          <ChevronRight aria-hidden />
          {title}
        </Button>
      </Heading>
      <DisclosurePanel>
        <div className={styles.moreBody}>{children}</div>
      </DisclosurePanel>
    </Disclosure>
  );
}
