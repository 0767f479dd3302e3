// Where the pages of a workflow's tasks and executions are.

const of = (workflow: string) => `/workflows/${encodeURIComponent(workflow)}`;

/** `task`: its Unique ID or its id. */
export const taskAddress = (workflow: string, task: string): string => `${of(workflow)}/tasks/${encodeURIComponent(task)}`;

export const executionAddress = (workflow: string, execution: string): string => `${of(workflow)}/executions/${encodeURIComponent(execution)}`;
