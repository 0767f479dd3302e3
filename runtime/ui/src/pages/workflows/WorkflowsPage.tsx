// Workflows
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Workflows">{null}</Page>
    </main>
  );
}
