// The workflow that the tests of this folder are about.
import type { FlowDocument } from "./document";

export const sample: FlowDocument = {
  id: "api-sample",
  name: "API Sample",
  fields: [
    { id: "company-id", name: "Company ID", type: "uniqueId", required: true },
    { id: "company-name", name: "Company Name", type: "text" },
    { id: "contract-value", name: "Contract Value", type: "currency" },
  ],
  stages: [
    { id: "not-started", name: "Not Started", color: "gray", position: [0, 0] },
    { id: "in-progress", name: "In Progress", color: "yellow" },
    { id: "done", name: "Done", color: "green", end: true },
  ],
  roles: [{ id: "clerk", name: "Clerk", perform: ["Start", "Finish"] }],
  actions: [
    { id: "start", name: "Start", color: "yellow", from: ["Not Started"], steps: [{ id: "move", name: "Move to stage", type: "move_to_stage", stage: "In Progress" }] },
    {
      id: "finish",
      name: "Finish",
      color: "green",
      from: ["In Progress", "Nowhere"],
      requires: { fields: ["Contract Value"], conditions: [{ message: "Not yet", all: [{ field: "Stage", one_of: ["In Progress", "Done"] }, { field: "Contract Value", at_least: "10" }] }] },
      steps: [
        { id: "call", name: "Tell", type: "api_call", url: "https://a.example/{{Company Name}}?x={{ task.Company Name }}", response: { "Company Name": "/name" } },
        { id: "set", name: "Set", type: "update_data", fields: { "Company Name": "{{Company Name}}!", Stage: "Done" } },
        { id: "move", name: "Move to stage", type: "move_to_stage", stage: "Done" },
        { id: "later", name: "Later", type: "schedule_stage_change", stage: "Not Started", in: "7d" },
      ],
    },
  ],
};
