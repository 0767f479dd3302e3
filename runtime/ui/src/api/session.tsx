// Who is signed in, for every page below; and the stream of what changes, for as long as somebody is.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { archivedQuery } from "./administration";
import { type Schemas, onSignedOut } from "./client";
import { type Connection, listen } from "./events";
import { sessionQuery, staleAfter } from "./queries";

export type Session = Schemas["Session"];

const SessionContext = createContext<Session | null>(null);
const ConnectionContext = createContext<Connection>("connected");

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>("connected");
  useEffect(() => {
    // A question that is being asked is not begun anew: it may be the one whose answer tells that nobody is signed in.
    const ask = () => void queries.invalidateQueries({ queryKey: sessionQuery.queryKey }, { cancelRefetch: false });
    const stopAsking = onSignedOut(ask);
    const stopListening = listen(staleAfter, (is) => {
      setConnection(is);
      // The stream of somebody who was deactivated ends, too.
      if (is === "lost") ask();
      // What could not be read meanwhile is read now, so that nobody needs to ask for it.
      else void queries.refetchQueries({ predicate: (it) => it.state.status === "error" });
    });
    return () => {
      stopAsking();
      stopListening();
    };
  }, [queries]);
  return (
    <SessionContext.Provider value={session}>
      <ConnectionContext.Provider value={connection}>{children}</ConnectionContext.Provider>
    </SessionContext.Provider>
  );
}

/** Whoever is signed in. Only below a `SessionProvider`. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("nobody is signed in here");
  return session;
}

export function useConnection(): Connection {
  return useContext(ConnectionContext);
}

/** What whoever is signed in may do in a workflow. In an archived one nobody changes anything. */
export function useRights(workflow: string): { edit: boolean; administer: boolean; isArchived: boolean } {
  const { is_administrator, workflows } = useSession();
  const archived = useQuery(archivedQuery).data;
  return useMemo(() => {
    const own = workflows.find((it) => it.id === workflow);
    const isArchived = !!archived?.some((it) => it.id === workflow);
    return { edit: !isArchived && (is_administrator || !!own?.edit), administer: is_administrator || !!own?.administer, isArchived };
  }, [is_administrator, workflows, archived, workflow]);
}

export function useSessionQuery() {
  return useQuery(sessionQuery);
}

/** Whether whoever is signed in decides about an action's executions: they cancel and dismiss them, in an archived workflow, too. */
export function useMayDecide(workflow: string, action: string | undefined): boolean {
  const { is_administrator, workflows } = useSession();
  return is_administrator || (action !== undefined && !!workflows.find((it) => it.id === workflow)?.perform.includes(action));
}

/** Whether whoever is signed in may perform an action, and have it go on where it failed. */
export function useMayPerform(workflow: string, action: string | undefined): boolean {
  const mayDecide = useMayDecide(workflow, action);
  const { isArchived } = useRights(workflow);
  return mayDecide && !isArchived;
}

/** Whether whoever is signed in may perform anything in a workflow. */
export function useMayPerformAny(workflow: string): boolean {
  const { is_administrator, workflows } = useSession();
  const { isArchived } = useRights(workflow);
  return !isArchived && (is_administrator || workflows.some((it) => it.id === workflow && it.perform.length > 0));
}
