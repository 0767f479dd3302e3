// Secrets
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Secrets">{null}</Page>
    </main>
  );
}
