// API keys
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="API keys">{null}</Page>
    </main>
  );
}
