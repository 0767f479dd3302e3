// Tasks
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Tasks">{null}</Page>
    </main>
  );
}
