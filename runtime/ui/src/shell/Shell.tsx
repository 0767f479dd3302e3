// Around every page of somebody who is signed in: the bar with the workspace and the account, and, in a workflow, its tabs.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { BookOpen, ChevronDown, CircleUser, KeyRound, ListTodo, Lock, LogOut, Monitor, Moon, Plug, Server, Sun, Users, Workflow as WorkflowIcon, Zap } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button as AriaButton } from "react-aria-components";
import { NavLink, Outlet, useNavigate, useParams } from "react-router";
import { answer, client } from "../api/client";
import { sessionQuery, workflowsQuery, workspaceQuery } from "../api/queries";
import { useConnection, useRights, useSession } from "../api/session";
import { Avatar } from "../parts/Marks";
import { Menu, type MenuGroup } from "../parts/Menu";
import { sayError } from "../parts/Toasts";
import styles from "./Shell.module.css";
import { type Theme, applyTheme, storedTheme } from "./theme";

const THEMES: { id: Theme; name: string; icon: ReactNode }[] = [
  { id: "system", name: "As the system", icon: <Monitor aria-hidden /> },
  { id: "light", name: "Light", icon: <Sun aria-hidden /> },
  { id: "dark", name: "Dark", icon: <Moon aria-hidden /> },
];

export function Shell() {
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        Skip to the page
      </a>
      <Bar />
      <LostNotice />
      <Outlet />
    </div>
  );
}

function Bar() {
  const session = useSession();
  const workspace = useQuery(workspaceQuery);
  return (
    <header className={styles.bar}>
      <NavLink to="/workflows" className={styles.logo!} aria-label="Onward: all workflows">
        <img src="/onward.svg" alt="" width={26} height={26} />
        <span>onward</span>
      </NavLink>
      <nav className={styles.links} aria-label="Workspace">
        <NavLink to="/workflows">Workflows</NavLink>
        {session.is_administrator && <NavLink to="/plugins">Plugins</NavLink>}
        {session.is_administrator && <NavLink to="/endpoints">Endpoints</NavLink>}
      </nav>
      <AccountMenu workspace={workspace.data?.name ?? ""} />
    </header>
  );
}

function AccountMenu({ workspace }: { workspace: string }) {
  const { user, key, is_administrator } = useSession();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [theme, setTheme] = useState(storedTheme);
  const name = user ? `${user.first_name} ${user.last_name}`.trim() || user.email : (key?.name ?? "");

  const signOut = async () => {
    try {
      await answer(client.DELETE("/api/v1/session"));
      queries.clear();
      await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
      navigate("/sign-in");
    } catch (error) {
      sayError(error);
    }
  };
  const choose = (id: string) => {
    const chosen = THEMES.find((it) => it.id === id);
    if (chosen) {
      applyTheme(chosen.id);
      setTheme(chosen.id);
    } else if (id === "sign-out") void signOut();
  };

  const administration: MenuGroup = {
    id: "administration",
    title: "Administration",
    entries: [
      { id: "team", name: "Team", icon: <Users aria-hidden />, href: "/team" },
      { id: "keys", name: "API keys", icon: <KeyRound aria-hidden />, href: "/keys" },
      { id: "secrets", name: "Secrets", icon: <Lock aria-hidden />, href: "/secrets" },
      { id: "plugins", name: "Plugins", icon: <Plug aria-hidden />, href: "/plugins" },
      { id: "endpoints", name: "Endpoints", icon: <Server aria-hidden />, href: "/endpoints" },
    ],
  };
  const groups: MenuGroup[] = [
    { id: "account", title: name, entries: [{ id: "account", name: "Account", icon: <CircleUser aria-hidden />, href: "/account" }] },
    ...(is_administrator ? [administration] : []),
    {
      id: "theme",
      title: "Appearance",
      entries: THEMES.map((it) => ({ ...it, name: it.id === theme ? `${it.name} ✓` : it.name })),
    },
    { id: "leave", entries: [{ id: "sign-out", name: "Sign out", icon: <LogOut aria-hidden /> }] },
  ];
  return (
    <Menu label="Account" groups={groups} onChoose={choose}>
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
  const own = workflows.data?.find((it) => it.id === workflow);
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
            {own?.name ?? workflow}
            <ChevronDown aria-hidden />
          </AriaButton>
        </Menu>
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
