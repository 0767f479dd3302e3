// The workflow's own roles: what each allows, and how they are added, changed and removed. Administrators and collaborators are always there.
import { type FlowDocument, type Role, actionsOf, named, rolesOf } from "./document";
import { type Made, tidy } from "./edit";

/**
 * A new role only looks until more is allowed. It is none of those that are saved and were removed since: whoever has one of them must not
 * get this one's rights.
 */
export function addRole(document: FlowDocument, saved: FlowDocument): Made {
  const own = named("New role", [...rolesOf(saved), ...rolesOf(document)]);
  return { document: { ...document, roles: [...rolesOf(document), { ...own, edit: false, perform: [] }] }, id: own.id };
}

/** Changes a role; requirements follow its new name. */
export function changeRole(document: FlowDocument, id: string, change: { [K in keyof Role]?: Role[K] | undefined }): FlowDocument {
  const role = rolesOf(document).find((it) => it.id === id);
  if (!role) return document;
  const roles = rolesOf(document).map((it) => (it.id === id ? (tidy({ ...it, ...change }) as Role) : it));
  const { name } = change;
  if (name === undefined || name === role.name) return { ...document, roles };
  const follow = (names: string[]) => names.map((it) => (it === role.name ? name : it));
  const actions = actionsOf(document).map((it) => (it.requires?.roles ? { ...it, requires: { ...it.requires, roles: follow(it.requires.roles) } } : it));
  return { ...document, roles, actions };
}

/** Without a role. An action that asks for it goes on asking, and the server says so: it must not come to be open to all. */
export function removeRole(document: FlowDocument, id: string): FlowDocument {
  return { ...document, roles: rolesOf(document).filter((it) => it.id !== id) };
}

/** What somebody with a role may do, in a few words. */
export function allowed({ admin, view, edit, perform }: Role): string {
  if (admin) return "everything";
  if (view === false) return "nothing";
  const actions = perform === undefined ? "performs every action" : perform.length > 0 ? `performs ${perform.join(", ")}` : undefined;
  return ["sees tasks", edit !== false && "changes them", actions].filter(Boolean).join(", ");
}
