// What somebody looks at in the task table, as its address says it and as the server is asked for it.
import { ASSIGNED_TO, type Column, STAGE } from "./columns";
import { TESTS_MAX, type Test, isComplete, readTest, toWire } from "./filters";

/** `active`: not in an end stage; else all of them, or those of one stage. */
export type StageChoice = { kind: "active" } | { kind: "all" } | { kind: "one"; name: string };

export interface Sort {
  by: string;
  descending: boolean;
}

export interface View {
  search: string;
  stage: StageChoice;
  /** An email; null for nobody; undefined for whoever it is. */
  assignee: string | null | undefined;
  tests: Test[];
  sort: Sort | null;
}

export const SEARCH_CHARS_MAX = 200;

export const DEFAULT_VIEW: View = { search: "", stage: { kind: "active" }, assignee: undefined, tests: [], sort: null };

export function readView(address: URLSearchParams): View {
  const stage = address.get("stage");
  const assigned = address.get("assigned");
  const sort = address.get("sort");
  return {
    search: (address.get("q") ?? "").slice(0, SEARCH_CHARS_MAX),
    stage: stage !== null ? { kind: "one", name: stage } : { kind: address.has("all") ? "all" : "active" },
    assignee: assigned === null ? undefined : assigned || null,
    tests: readTests(address.get("where")),
    sort: sort ? { by: sort.replace(/^-/, ""), descending: sort.startsWith("-") } : null,
  };
}

function readTests(text: string | null): Test[] {
  try {
    const read: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(read) ? read.flatMap((it) => readTest(it) ?? []).slice(0, TESTS_MAX) : [];
  } catch {
    return [];
  }
}

export function writeView({ search, stage, assignee, tests, sort }: View): URLSearchParams {
  const address = new URLSearchParams();
  if (search) address.set("q", search);
  if (stage.kind === "one") address.set("stage", stage.name);
  if (stage.kind === "all") address.set("all", "");
  if (assignee !== undefined) address.set("assigned", assignee ?? "");
  if (tests.length > 0) address.set("where", JSON.stringify(tests.map((it) => [it.field, it.operator, it.value])));
  if (sort) address.set("sort", sorted(sort));
  return address;
}

const sorted = ({ by, descending }: Sort) => (descending ? "-" : "") + by;

/** What a heading's button makes of the order: up, down, as they came. */
export function nextSort(sort: Sort | null, by: string): Sort | null {
  if (sort?.by !== by) return { by, descending: false };
  return sort.descending ? null : { by, descending: true };
}

/** Parameters of the list of tasks and of their counts. */
export interface Query {
  _search?: string;
  _where?: string;
  _sort?: string;
}

/** How the list is asked for. `active` has a route of its own, so nobody has to know the stages first. */
export function listQuery(view: View, columns: Column[]): { active: boolean; query: Query } {
  const tests = wire(view, columns);
  if (view.stage.kind === "one") tests.push({ field: STAGE, equals: view.stage.name });
  const query = asQuery(view, tests);
  if (view.sort && columns.some((it) => it.name === view.sort!.by)) query._sort = sorted(view.sort);
  return { active: view.stage.kind === "active", query };
}

/** How the counts are asked for: the same without an order. */
export function countsQuery(view: View, columns: Column[], stages: { name: string; end?: boolean }[]): Query {
  const tests = wire(view, columns);
  if (view.stage.kind === "one") tests.push({ field: STAGE, equals: view.stage.name });
  const active = stages.filter((it) => !it.end).map((it) => it.name);
  if (view.stage.kind === "active" && active.length < stages.length) tests.push({ field: STAGE, one_of: active });
  return asQuery(view, tests);
}

function wire(view: View, columns: Column[]): Record<string, unknown>[] {
  const kind = (field: string) => columns.find((it) => it.name === field)?.kind;
  // A field that is gone since the address was kept is asked for no more.
  const tests = view.tests.filter((it) => kind(it.field) !== undefined && isComplete(it, kind(it.field))).map((it) => toWire(it, kind(it.field)));
  if (view.assignee === null) tests.push({ field: ASSIGNED_TO, is_set: false });
  else if (view.assignee !== undefined) tests.push({ field: ASSIGNED_TO, equals: view.assignee });
  return tests;
}

function asQuery(view: View, tests: Record<string, unknown>[]): Query {
  const search = view.search.trim();
  return { ...(search && { _search: search }), ...(tests.length > 0 && { _where: JSON.stringify(tests) }) };
}

/** Whether anything but the stage narrows the list: then an empty one says so. */
export function isNarrowed(view: View): boolean {
  return view.search.trim() !== "" || view.assignee !== undefined || view.tests.some((it) => isComplete(it));
}
