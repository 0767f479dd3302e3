// Versions
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Versions">{null}</Page>
    </main>
  );
}
