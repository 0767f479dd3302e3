// Execution
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Execution">{null}</Page>
    </main>
  );
}
