// A workflow of orders for walks through tasks, and whoever walks.
import type { Browser, Page } from "playwright-core";
import { type Program, signedIn } from "./support";

export const workflow = (receiver: string) => `
name = "Orders"
[[roles]]
name = "Viewer"
edit = false
perform = []
[[fields]]
name = "Order Number"
type = "uniqueId"
autoincrement = true
[[fields]]
name = "Customer"
type = "text"
required = true
[[fields]]
name = "Contract Value"
type = "currency"
[[fields]]
name = "Due"
type = "date"
[[fields]]
name = "Priority"
type = "singleSelect"
options = ["Low", "High"]
[[fields]]
name = "Paid?"
type = "checkbox"
[[fields]]
name = "Papers"
type = "file"
[[fields]]
name = "Mail"
type = "email"
[[fields]]
name = "Notes"
type = "longText"
[[stages]]
name = "Open"
checklist = ["Call the customer", "Check the address"]
[[stages]]
name = "In Progress"
color = "yellow"
[[stages]]
name = "Closed"
color = "green"
end = true
[[actions]]
name = "Charge"
color = "green"
from = ["Open", "In Progress"]
[[actions.steps]]
type = "update_data"
name = "Note it"
fields = { "Notes" = "Being charged" }
[[actions.steps]]
type = "api_call"
name = "Tell billing"
url = "${receiver}/charge"
timeout = "3s"
[[actions.steps]]
type = "move_to_stage"
name = "Close it"
stage = "Closed"
[[actions]]
name = "Note a call"
from = ["Open"]
[[actions.steps]]
type = "update_data"
name = "Note it"
fields = { "Notes" = "Called" }
[[actions]]
name = "Hand over"
from = ["In Progress"]
confirm = "The next one gets it. Is it ready?"
after = "next"
celebrate = true
[[actions.steps]]
type = "move_to_stage"
name = "Close it"
stage = "Closed"
[[actions]]
name = "Throw away"
color = "red"
from = ["Closed"]
[[actions.steps]]
type = "delete_task"
[[actions]]
name = "Reject"
color = "red"
from = ["Open"]
[actions.requires]
fields = ["Due"]
checklist = true
assigned = true
[[actions.steps]]
type = "schedule_stage_change"
name = "Close it later"
stage = "Closed"
in = "12h"
`;

/** Makes an order, and answers its number. */
export async function makeOrder(program: Program, values: Record<string, unknown>): Promise<string> {
  const task = await program.api<Record<string, string>>("POST", "/workflows/orders/tasks", values);
  return task["Order Number"]!;
}

export interface Walk {
  page: Page;
  complaints: string[];
}

/** Pages of somebody who has signed in; all of them are closed by `end`, also where a walk has failed. */
export function walks(chromium: () => Browser, program: () => Program) {
  let close: (() => Promise<void>) | undefined;
  return {
    begin: async (options: Parameters<typeof signedIn>[2] = {}): Promise<Walk> => {
      const { page, context, complaints } = await signedIn(chromium(), program(), options);
      close = () => context.close();
      return { page, complaints };
    },
    end: async () => {
      await close?.();
      close = undefined;
    },
  };
}
