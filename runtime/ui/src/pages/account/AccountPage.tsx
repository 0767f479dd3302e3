// Account
import { Page } from "../../parts/Page";

export function Component() {
  return (
    <main id="main">
      <Page title="Account">{null}</Page>
    </main>
  );
}
