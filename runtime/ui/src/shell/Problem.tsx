// Where a page has failed in a way that it did not foresee, and where there is no page.
import { Compass } from "lucide-react";
import { useEffect } from "react";
import { useRouteError } from "react-router";
import { ApiError } from "../api/client";
import { ROOT } from "../api/root";
import { Button, LinkButton } from "../parts/Button";
import { Empty, Failed } from "../parts/States";

const RELOADED = "onward-reloaded";

/** Who was loaded anew so short a time ago and fails again is not helped by that. */
const RELOADS_APART_MS = 10_000;

const ASK_EVERY_MS = 2000;

/** A page's files could not be fetched: a new version of the server has others, or the server is away. */
function isWithoutItsFiles(error: unknown): boolean {
  return error instanceof Error && /dynamically imported module|module script|preload CSS/i.test(error.message);
}

/** Loads the page anew once the server answers. */
function useReload(isWanted: boolean): void {
  useEffect(() => {
    if (!isWanted) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      const answer = await fetch(`${ROOT}/livez`, { cache: "no-store" }).catch(() => undefined);
      if (answer?.ok) {
        sessionStorage.setItem(RELOADED, String(Date.now()));
        location.reload();
      } else timer = setTimeout(() => void ask(), ASK_EVERY_MS);
    };
    void ask();
    return () => clearTimeout(timer);
  }, [isWanted]);
}

export function Problem() {
  const error = useRouteError();
  const isAway = isWithoutItsFiles(error) && Date.now() - Number(sessionStorage.getItem(RELOADED)) > RELOADS_APART_MS;
  useReload(isAway);
  const said = isAway ? new ApiError(0, "unreachable", "The server cannot be reached. The page comes as soon as it is there again.") : error;
  return (
    <main id="main">
      <Failed error={said} />
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
