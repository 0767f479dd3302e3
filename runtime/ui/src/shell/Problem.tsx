// Where a page has failed in a way that it did not foresee, and where there is no page.
import { Compass } from "lucide-react";
import { useEffect } from "react";
import { useRouteError } from "react-router";
import { Button, LinkButton } from "../parts/Button";
import { Empty, Failed } from "../parts/States";

const RELOADED = "onward-reloaded";

/** A new version of the server has other files than the page that is open: it is loaded anew, once. */
function isOldPage(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|module script/i.test(error.message);
}

export function Problem() {
  const error = useRouteError();
  const isOld = isOldPage(error) && !sessionStorage.getItem(RELOADED);
  useEffect(() => {
    if (isOld) {
      sessionStorage.setItem(RELOADED, "1");
      location.reload();
    }
  }, [isOld]);
  if (isOld) return null;
  return (
    <main id="main">
      <Failed error={error} />
      <p style={{ textAlign: "center" }}>
        <Button onPress={() => location.reload()}>Load the page anew</Button>
      </p>
    </main>
  );
}

export function NoSuchPage() {
  return (
    <main id="main">
      <Empty icon={<Compass aria-hidden />} title="There is no such page" action={<LinkButton href="/workflows">All workflows</LinkButton>}>
        The address may be misspelt, or what it led to is gone.
      </Empty>
    </main>
  );
}
