// People as the team page shows them: who they are, which role they have where, and who may change what of it.

export interface Person {
  id: string;
  email: string;
  first_name: string;
  last_name: string;
  is_administrator: boolean;
  /** Role ids by workflow ids. */
  roles: Record<string, string>;
}

interface Member {
  id: string;
  email: string;
  first_name: string;
  last_name: string;
  role_id: string;
}

export interface Role {
  id: string;
  name: string;
}

/** A person's name, their email where there is none. */
export function fullName(person: { first_name: string | null; last_name: string | null; email: string | null }): string {
  return [person.first_name, person.last_name].filter(Boolean).join(" ") || person.email || "Somebody";
}

export function byName(a: Person, b: Person): number {
  return fullName(a).localeCompare(fullName(b)) || a.email.localeCompare(b.email);
}

/** People as those see them who administer some workflows, from the members of each. */
export function fromMembers(workflows: { id: string; members: Member[] }[]): Person[] {
  const people = new Map<string, Person>();
  for (const { id: workflow, members } of workflows) {
    for (const { role_id, ...member } of members) {
      const person = people.get(member.id) ?? { ...member, is_administrator: false, roles: {} };
      person.roles[workflow] = role_id;
      people.set(member.id, person);
    }
  }
  return [...people.values()];
}

/** A role's name; its id where the workflow no longer has it. */
export function roleName(roles: Role[] | undefined, id: string): string {
  return roles?.find((it) => it.id === id)?.name ?? id;
}

/** Whether somebody is found by what is typed: every word of it in their name or email. */
export function matches(person: Person, typed: string): boolean {
  const text = `${fullName(person)} ${person.email}`.toLowerCase();
  return typed.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** The roles that were changed: what is to be saved. */
export function changedRoles(before: Record<string, string>, after: Record<string, string>): [workflow: string, role: string][] {
  return Object.entries(after).filter(([workflow, role]) => before[workflow] !== role);
}
