// What few people change, behind one word.
import { ChevronRight } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Button, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import styles from "./Form.module.css";

export function More({ title = "More", isOpen = false, children }: { title?: string; isOpen?: boolean; children: ReactNode }) {
  const [isExpanded, setExpanded] = useState(isOpen);
  // What must be seen shows itself, also where it comes about later.
  useEffect(() => {
    if (isOpen) setExpanded(true);
  }, [isOpen]);
  return (
    <Disclosure className={styles.more!} isExpanded={isExpanded} onExpandedChange={setExpanded}>
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
