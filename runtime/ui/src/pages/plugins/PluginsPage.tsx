// Plugins
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Plugins">{null}</Page>
    </main>
  );
}
