// Setup
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Setup">{null}</Page>
    </main>
  );
}
