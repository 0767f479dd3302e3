// Around every page of somebody who is signed in: the bar with the workspace and the account, and, in a workflow, its tabs.
import { useQuery } from "@tanstack/react-query";
import { BookOpen, ChevronDown, CircleUser, KeyRound, ListTodo, Lock, LogOut, Monitor, Moon, Plug, Server, Sun, Terminal, Users, Workflow as WorkflowIcon, Zap } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { Button as AriaButton } from "react-aria-components";
import { NavLink, Outlet, useLocation, useNavigate, useParams } from "react-router";
import { fullName } from "../model/people/person";
import { archivedQuery } from "../api/administration";
import { workflowsQuery } from "../api/queries";
import { ROOT } from "../api/root";
import { useConnection, useRights, useSession } from "../api/session";
import { Avatar } from "../parts/Marks";
import { Menu, type MenuEntry, type MenuGroup } from "../parts/Menu";
import { forgetNotes } from "../parts/Toasts";
import { forgetLists } from "../parts/task/useView";
import styles from "./Shell.module.css";
import { signOut } from "./signOut";
import { THEMES, type Theme, useTheme } from "./theme";

const THEME_ICONS: Record<Theme, ReactNode> = {
  system: <Monitor aria-hidden />,
  light: <Sun aria-hidden />,
  dark: <Moon aria-hidden />,
};

export function Shell() {
  // What is left for whoever signs in here next.
  useEffect(
    () => () => {
      forgetNotes();
      forgetLists();
    },
    [],
  );
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        Skip to the page
      </a>
      <Bar />
      <LostNotice />
      <PageBegin />
    </div>
  );
}

/** Where the page begins. Who has gone to another one begins there, unless what they pressed is still here, or the page has its own beginning. */
function PageBegin() {
  const { pathname } = useLocation();
  const begin = useRef<HTMLDivElement>(null);
  const before = useRef(pathname);
  useEffect(() => {
    const isAnother = before.current !== pathname;
    before.current = pathname;
    if (isAnother && document.activeElement === document.body) begin.current?.focus({ preventScroll: true });
  }, [pathname]);
  return (
    <div ref={begin} tabIndex={-1} className={styles.page}>
      <Outlet />
    </div>
  );
}

function Bar() {
  const session = useSession();
  return (
    <header className={styles.bar}>
      <NavLink to="/workflows" className={styles.logo!} aria-label="Onward: all workflows">
        <img src={`${ROOT}/onward.svg`} alt="" width={26} height={26} />
        <span>onward</span>
      </NavLink>
      <nav className={styles.links} aria-label="Workspace">
        <NavLink to="/workflows">Workflows</NavLink>
        {session.is_administrator && <NavLink to="/plugins">Plugins</NavLink>}
        {session.is_administrator && <NavLink to="/endpoints">Endpoints</NavLink>}
      </nav>
      <AccountMenu workspace={session.workspace.name} />
    </header>
  );
}

const TEAM: MenuEntry = { id: "team", name: "Team", icon: <Users aria-hidden />, href: "/team" };

function AccountMenu({ workspace }: { workspace: string }) {
  const { user, key, is_administrator, workflows } = useSession();
  const [theme, choose] = useTheme();
  const name = user ? fullName(user) : (key?.name ?? "");

  const administration: MenuGroup = {
    id: "administration",
    title: "Administration",
    entries: [
      TEAM,
      { id: "keys", name: "API keys", icon: <KeyRound aria-hidden />, href: "/keys" },
      { id: "secrets", name: "Secrets", icon: <Lock aria-hidden />, href: "/secrets" },
      { id: "plugins", name: "Plugins", icon: <Plug aria-hidden />, href: "/plugins" },
      { id: "endpoints", name: "Endpoints", icon: <Server aria-hidden />, href: "/endpoints" },
    ],
  };
  // Who administers a workflow gives people their roles in it.
  const teamOnly: MenuGroup = { ...administration, entries: workflows.some((it) => it.administer) ? [TEAM] : [] };
  const groups: MenuGroup[] = [
    { id: "account", title: name, entries: [{ id: "account", name: "Account", icon: <CircleUser aria-hidden />, href: "/account" }] },
    is_administrator ? administration : teamOnly,
    {
      id: "theme",
      title: "Appearance",
      entries: THEMES.map((it) => ({ ...it, icon: THEME_ICONS[it.id], isChosen: it.id === theme })),
    },
    { id: "leave", entries: [{ id: "sign-out", name: "Sign out", icon: <LogOut aria-hidden /> }] },
  ];
  return (
    <Menu label="Account" groups={groups} onChoose={(id) => (id === "sign-out" ? void signOut() : choose(id))}>
      <AriaButton className={styles.account!}>
        <span className="unseen">Account of {name}, </span>
        <span className={styles.workspace}>{workspace}</span>
        <Avatar name={name} />
      </AriaButton>
    </Menu>
  );
}

/** Says that nothing is live at the moment. */
function LostNotice() {
  const connection = useConnection();
  if (connection === "connected") return null;
  return (
    <div className={styles.lost} role="status">
      The server cannot be reached. What you see may be old; Onward connects again by itself.
    </div>
  );
}

/** A workflow's pages: its name, which opens the list of workflows, and its tabs. */
export function WorkflowShell() {
  const { workflow = "" } = useParams();
  const navigate = useNavigate();
  const workflows = useQuery(workflowsQuery);
  const { administer } = useRights(workflow);
  const listed = workflows.data?.find((it) => it.id === workflow);
  // One that is not among them may be archived: it is read as ever, and says so.
  const archived = useQuery({ ...archivedQuery, enabled: workflows.isSuccess && !listed });
  const putAway = listed ? undefined : archived.data?.find((it) => it.id === workflow);
  const others: MenuGroup = {
    id: "workflows",
    title: "Workflows",
    entries: (workflows.data ?? []).map((it) => ({ id: it.id, name: it.name, icon: <WorkflowIcon aria-hidden /> })),
  };
  const all: MenuGroup = { id: "all", entries: [{ id: "", name: "All workflows", icon: <BookOpen aria-hidden /> }] };
  return (
    <>
      <div className={styles.head}>
        <Menu label="Workflows" groups={[others, all]} onChoose={(id) => navigate(id ? `/workflows/${id}/tasks` : "/workflows")}>
          <AriaButton className={styles.workflow!}>
            <WorkflowIcon aria-hidden />
            {(listed ?? putAway)?.name ?? workflow}
            <ChevronDown aria-hidden />
          </AriaButton>
        </Menu>
        {putAway && <span className={styles.archived}>Archived: it can be read, but not changed.</span>}
        <nav className={styles.tabs} aria-label="Workflow">
          <Tab to="tasks" icon={<ListTodo aria-hidden />}>
            Tasks
          </Tab>
          {administer && (
            <Tab to="flow" icon={<WorkflowIcon aria-hidden />}>
              Flow Builder
            </Tab>
          )}
          <Tab to="executions" icon={<Zap aria-hidden />}>
            Executions
          </Tab>
          <Tab to="api" icon={<Terminal aria-hidden />}>
            API
          </Tab>
        </nav>
      </div>
      <Outlet />
    </>
  );
}

function Tab({ to, icon, children }: { to: string; icon: ReactNode; children: string }) {
  return (
    <NavLink to={to} className={({ isActive }) => `${styles.tab} ${isActive ? styles.active : ""}`}>
      {icon}
      {children}
    </NavLink>
  );
}
