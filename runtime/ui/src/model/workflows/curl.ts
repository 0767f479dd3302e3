// What a program sends to do with a workflow's tasks what people do here, as commands to paste.
import type { Field } from "../tasks/columns";

export interface Command {
  title: string;
  says: string;
  text: string;
}

interface About {
  /** Where the server is, for programs: `https://onward.example`. */
  server: string;
  workflow: string;
  fields: Field[];
  /** The id of an action; none where there is none that one may perform. */
  action?: string | undefined;
}

export function commands(about: About, today = new Date()): Command[] {
  const { server, workflow, fields, action } = about;
  const at = `${server}/api/v1/workflows/${encodeURIComponent(workflow)}`;
  const unique = fields.find((it) => it.type === "uniqueId");
  const task = Object.fromEntries(fields.filter((it) => !it.autoincrement && it.type !== "file").map((it) => [it.name, sample(it, today)]));
  const first = Object.entries(task).find(([name]) => name !== unique?.name);
  const id = unique ? "42" : "TASK-ID";
  return [
    { title: "Add a task", says: "Send the task as JSON. A field that is left out stays empty; without a Stage it begins in the first one.", text: curl("POST", `${at}/tasks`, task) },
    ...(first
      ? [{ title: "Change a task", says: "Only what is named changes. The task is found by its Unique ID, or by the id at the end of its Task URL.", text: curl("PUT", `${at}/tasks/${id}`, Object.fromEntries([first])) }]
      : []),
    { title: "Read the tasks", says: "Those that are in no end stage.", text: curl("GET", `${at}/tasks/active`) },
    ...(action === undefined
      ? []
      : [{ title: "Perform an action", says: "The answer says how it went, if it has ended within ten seconds; else it is Pending.", text: curl("POST", `${at}/executions`, { task_id: id, action_id: action }, ["Prefer: wait=10"]) }]),
  ];
}

/** What a field takes, as an example. */
function sample({ type, options, required }: Field, today: Date): unknown {
  switch (type) {
    case "number":
    case "currency":
      return 0;
    case "date":
      return today.toISOString().slice(0, 10);
    case "datetime":
      return `${today.toISOString().slice(0, 16)}:00Z`;
    case "checkbox":
      return true;
    case "singleSelect":
      return options?.[0] ?? null;
    case "multipleSelect":
      return (options ?? []).slice(0, 1);
    case "person":
      return null;
    default:
      return required ? (EXAMPLES[type] ?? "Example") : "";
  }
}

/** Of what must be there, and is not any text. */
const EXAMPLES: Partial<Record<Field["type"], string>> = { uniqueId: "42", email: "name@example.com", url: "https://example.com/", phone: "+1 555 0100" };

function curl(method: string, url: string, body?: object, headers: string[] = []): string {
  const parts = [
    `curl${method === "GET" ? "" : ` -X ${method}`}`,
    ...(body ? ["-H 'Content-Type: application/json'"] : []),
    ...["Authorization: Bearer <YOUR-API-KEY>", ...headers].map((it) => `-H ${quoted(it)}`),
    ...(body ? [`--data ${quoted(JSON.stringify(body, null, 2))}`] : []),
    quoted(url),
  ];
  return parts.join(" \\\n  ");
}

/** As a shell takes it for one word, whatever is in it. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
