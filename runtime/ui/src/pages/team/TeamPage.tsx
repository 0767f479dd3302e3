// Team
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Team">{null}</Page>
    </main>
  );
}
