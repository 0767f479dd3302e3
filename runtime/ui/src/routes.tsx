// Which address is which page. Pages are chunks of their own: one loads what one sees.
import { Navigate, Outlet, type RouteObject, useHref, useNavigate } from "react-router";
import { RouterProvider as AriaRouter } from "react-aria-components";
import { Loading } from "./parts/States";
import { Toasts } from "./parts/Toasts";
import { Gate } from "./shell/Gate";
import { NoSuchPage, Problem } from "./shell/Problem";
import { Shell, WorkflowShell } from "./shell/Shell";

/** Around everything: links of parts go through the router. */
function Root() {
  const navigate = useNavigate();
  return (
    <AriaRouter navigate={(to) => void navigate(to)} useHref={useHref}>
      <Outlet />
      <Toasts />
    </AriaRouter>
  );
}

const workflowPages: RouteObject[] = [
  { index: true, element: <Navigate to="tasks" replace /> },
  { path: "tasks", lazy: () => import("./pages/tasks/TasksPage") },
  { path: "tasks/:task", lazy: () => import("./pages/task/TaskPage") },
  { path: "flow", lazy: () => import("./pages/flow/FlowPage") },
  { path: "versions", lazy: () => import("./pages/versions/VersionsPage") },
  { path: "executions", lazy: () => import("./pages/executions/ExecutionsPage") },
  { path: "api", lazy: () => import("./pages/api/ApiPage") },
  { path: "executions/:execution", lazy: () => import("./pages/executions/ExecutionPage") },
];

const pages: RouteObject[] = [
  { path: "workflows", lazy: () => import("./pages/workflows/WorkflowsPage") },
  { path: "plugins", lazy: () => import("./pages/plugins/PluginsPage") },
  { path: "endpoints", lazy: () => import("./pages/endpoints/EndpointsPage") },
  { path: "team", lazy: () => import("./pages/team/TeamPage") },
  { path: "keys", lazy: () => import("./pages/keys/KeysPage") },
  { path: "secrets", lazy: () => import("./pages/secrets/SecretsPage") },
  { path: "account", lazy: () => import("./pages/account/AccountPage") },
];

/** What fails in a page stands in its place. It is around them: a page whose files cannot be fetched has nothing of its own. */
function guarded(children: RouteObject[]): RouteObject {
  return { errorElement: <Problem />, children };
}

export const routes: RouteObject[] = [
  {
    element: <Root />,
    errorElement: <Problem />,
    hydrateFallbackElement: <Loading what="Onward" />,
    children: [
      { path: "sign-in", lazy: () => import("./pages/sign-in/SignInPage") },
      { path: "setup", lazy: () => import("./pages/setup/SetupPage") },
      { path: "invitation", lazy: () => import("./pages/invitation/InvitationPage") },
      {
        element: <Gate />,
        children: [
          { index: true, element: <Navigate to="/workflows" replace /> },
          {
            element: <Shell />,
            children: [
              guarded(pages),
              { path: "workflows/:workflow", element: <WorkflowShell />, children: [guarded(workflowPages)] },
            ],
          },
        ],
      },
      { path: "*", element: <NoSuchPage /> },
    ],
  },
];
