// Endpoints
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Endpoints">{null}</Page>
    </main>
  );
}
