// Pages of administrators: who is none is told so, instead of seeing what they cannot do.
import { Lock } from "lucide-react";
import type { ReactNode } from "react";
import { useSession } from "../api/session";
import { LinkButton } from "../parts/Button";
import { Empty } from "../parts/States";

export function Administrators({ children }: { children: ReactNode }) {
  const { is_administrator } = useSession();
  return is_administrator ? children : <NotForYou />;
}

export function NotForYou() {
  return (
    <main id="main">
      <Empty icon={<Lock aria-hidden />} title="This page is for administrators" action={<LinkButton href="/workflows">All workflows</LinkButton>}>
        Ask an administrator of the workspace for what you need here.
      </Empty>
    </main>
  );
}
