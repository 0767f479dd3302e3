// Invitation
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Invitation">{null}</Page>
    </main>
  );
}
