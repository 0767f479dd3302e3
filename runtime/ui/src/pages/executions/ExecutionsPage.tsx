// Executions
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Executions">{null}</Page>
    </main>
  );
}
