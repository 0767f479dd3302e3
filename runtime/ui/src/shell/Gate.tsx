// Who may see which page: nobody signed in goes to the sign-in page and comes back afterwards.
import { Navigate, Outlet, useLocation } from "react-router";
import { SessionProvider, useSessionQuery } from "../api/session";
import { Failed, Loading } from "../parts/States";

export function Gate() {
  const session = useSessionQuery();
  const { pathname, search } = useLocation();
  if (session.data) {
    return (
      <SessionProvider key={session.data.user?.id} session={session.data}>
        <Outlet />
      </SessionProvider>
    );
  }
  if (session.isPending) return <Loading what="Onward" />;
  if (session.isError) return <Failed error={session.error} onRetry={() => void session.refetch()} />;
  return <Navigate to={`/sign-in?to=${encodeURIComponent(pathname + search)}`} replace />;
}
