// Task
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Task">{null}</Page>
    </main>
  );
}
