// Flow Builder
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Flow Builder">{null}</Page>
    </main>
  );
}
