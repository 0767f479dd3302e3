// Executions that fail, wait and are decided about; the plugins and the endpoints behind them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program, Receiver, accessible, browser, shot, signedIn, until } from "./support";

let program: Program;
let receiver: Receiver;
let chromium: Browser;
let context: BrowserContext;
let page: Page;
let complaints: string[];

/** Plugins of one's own, among them what is none. */
const plugins = mkdtempSync(join(tmpdir(), "onward-browser-plugins-"));

const workflow = (address: string) => `name = "Orders"

[[fields]]
name = "Order ID"
type = "uniqueId"
required = true

[[fields]]
name = "Customer"
type = "text"

[[fields]]
name = "Size"
type = "number"

[[stages]]
name = "Open"
color = "yellow"

[[stages]]
name = "Done"
color = "green"
end = true

[[actions]]
name = "Finish"
color = "green"
from = ["Open"]

[[actions.steps]]
type = "update_data"
name = "Note the size"
fields = { Size = "20" }

[[actions.steps]]
type = "api_call"
name = "Tell billing"
url = "${address}/finish"
auth = { bearer = "{{secrets.BILLING}}" }

[[actions.steps]]
type = "move_to_stage"
stage = "Done"

[[actions]]
name = "Remind"
from = ["Open"]

[[actions.steps]]
type = "delay"
for = "1h"

[[actions.steps]]
type = "api_call"
name = "Remind the customer"
url = "${address}/remind"
`;

interface Performed {
  id: string;
  status: string;
}

const perform = (task: string, action: string, wait = "10") =>
  program.api<Performed>("POST", "/workflows/orders/executions", { task_id: task, action_id: action }, { prefer: `wait=${wait}` });

const REFUSAL = { status: 500, body: '{"error":"billing is closed","retry":{"after":10.50}}' };

beforeAll(async () => {
  receiver = await Receiver.start();
  writeFileSync(join(plugins, "libbroken.so"), "not a library", { mode: 0o600 });
  process.env["ONWARD__PLUGINS__FOLDER"] = plugins;
  program = await Program.start();
  chromium = await browser();
  await program.api("PUT", "/secrets/BILLING", { value: "swordfish-in-the-sea" });
  await program.api("POST", "/workflows/import", workflow(receiver.address));
  for (const [id, name] of [["1", "Acme Corp"], ["2", "Globex"], ["3", "Initech"], ["4", "Umbrella"]]) {
    await program.api("POST", "/workflows/orders/tasks", { Stage: "Open", "Order ID": id, Customer: name });
  }
  receiver.answer = REFUSAL;
  await perform("1", "finish");
  await perform("2", "finish");
  receiver.answer = { status: 200, body: '{"task":{"Size":"21"}}' };
  await perform("3", "finish");
  await perform("4", "remind", "0");
  ({ page, context, complaints } = await signedIn(chromium, program));
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
});

afterAll(async () => {
  await chromium?.close();
  await program?.stop();
  receiver?.stop();
  delete process.env["ONWARD__PLUGINS__FOLDER"];
  rmSync(plugins, { recursive: true, force: true });
});

/** Looks at a page in both themes. */
async function looked(name: string): Promise<void> {
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await shot(page, `${name}-${colorScheme}`);
    await accessible(page);
  }
}

const rows = () => page.getByRole("table").getByRole("row");

/** Chooses in a list that a button opens. */
async function choose(label: string, option: string): Promise<void> {
  await page.getByRole("button", { name: label }).click();
  await page.getByRole("option", { name: option, exact: true }).click();
}

test("a failed call is found by a filter, shown as it was sent and answered, and retried", async () => {
  await page.goto("/workflows/orders/executions");
  await page.getByRole("link", { name: "4 · Umbrella" }).waitFor();
  expect(await rows().count()).toBe(5);
  await looked("executions");
  await choose("State", "Failed");
  await until("the list is filtered", async () => (await rows().count()) === 3);
  expect(new URL(page.url()).search).toBe("?state=failed");
  await page.getByText("Step 2 “Tell billing”").first().waitFor();

  await page.getByRole("row", { name: /Acme Corp/ }).getByRole("link", { name: "Finish" }).click();
  await page.getByRole("heading", { name: "Finish" }).waitFor();
  await page.getByText("500 Internal Server Error", { exact: true }).waitFor();
  // Set out, and with every digit that came.
  await page.getByText('"after": 10.50').waitFor();
  await page.getByText("Did not run").waitFor();
  await page.getByRole("button", { name: /^Headers/ }).first().click();
  await page.getByText("redacted", { exact: true }).waitFor();
  await looked("execution-failed");

  await page.getByRole("button", { name: "Copy as curl" }).click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toMatch(new RegExp(`^curl -X POST '${receiver.address}/finish' `));
  expect(command).toContain('"Customer":"Acme Corp"');
  expect(command).not.toContain("swordfish");

  receiver.answer = { status: 200, body: '{"task":{"Nonsense":1}}' };
  await page.getByRole("button", { name: "Retry from step 2" }).click();
  await page.getByRole("heading", { level: 3, name: /Move to stage/ }).waitFor();
  await page.getByText("1 warning").waitFor();
  // Why it failed before is still told.
  await page.getByText("answered 500 Internal Server Error: billing is closed").waitFor();
  expect(await page.getByRole("button", { name: /Retry/, exact: false }).filter({ hasNotText: "Tell billing" }).count()).toBe(0);
  await shot(page, "execution-retried");
  expect(complaints).toEqual([]);
});

test("all that failed are retried together", async () => {
  await page.goto("/workflows/orders/executions?status=Fail&action=finish");
  await until("the list is filtered", async () => (await rows().count()) === 2);
  await page.getByRole("button", { name: "Retry all failed" }).click();
  await page.getByText("1 execution", { exact: true }).waitFor();
  await page.getByText("of the action Finish").waitFor();
  await accessible(page);
  await shot(page, "executions-retry-all");
  await page.getByRole("button", { name: "Retry all", exact: true }).click();
  await page.getByText("1 execution is retried").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("heading", { name: "No executions match" }).waitFor();
  await page.getByRole("button", { name: "Clear filters" }).last().click();
  await until("the list is whole", async () => (await rows().count()) === 5);
  expect(complaints).toEqual([]);
});

test("one that waits says for how long, and is cancelled; one that failed is dismissed", async () => {
  await page.goto("/workflows/orders/executions?state=waiting");
  await page.getByRole("link", { name: "Remind", exact: true }).click();
  await page.getByText(/Goes on in 59 min/).waitFor();
  await shot(page, "execution-waiting");
  await page.getByRole("button", { name: "Cancel it" }).click();
  await page.getByRole("button", { name: "Cancel the execution" }).click();
  await page.getByText("Cancelled", { exact: true }).waitFor();
  expect(await page.getByRole("button", { name: "Cancel it" }).count()).toBe(0);

  receiver.answer = REFUSAL;
  // The list tells of it by itself.
  await page.goto("/workflows/orders/executions?state=failed");
  await page.getByRole("heading", { name: "No executions match" }).waitFor();
  await perform("4", "finish");
  await page.getByRole("link", { name: "Finish", exact: true }).click();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Dismiss" }).click();
  await page.getByText("Dismissed", { exact: true }).waitFor();
  expect(complaints).toEqual([]);
});

test("an endpoint that says it is gone is disabled until somebody enables it; plugins say what they bring", async () => {
  receiver.answer = { status: 410, body: "" };
  await perform("4", "finish");
  await page.goto("/endpoints");
  await page.getByText("Disabled", { exact: true }).waitFor();
  await looked("endpoints");
  await page.getByRole("button", { name: /^Enable/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Enable" }).click();
  await page.getByText("Called", { exact: true }).waitFor();

  await page.goto("/plugins");
  await page.getByRole("region", { name: "onward-plugin-flow" }).getByText("Delay", { exact: true }).waitFor();
  const broken = page.getByRole("region", { name: "libbroken.so" });
  await broken.getByText("Refused", { exact: true }).waitFor();
  await broken.getByText(/start it again/).waitFor();
  await looked("plugins");
  expect(complaints).toEqual([]);
});

test("all of it fits a phone", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ["/workflows/orders/executions", "/plugins", "/endpoints"]) {
    await page.goto(path);
    await page.getByRole("table").or(page.getByRole("region")).first().waitFor();
    await shot(page, `phone${path.replaceAll("/", "-")}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  }
  await page.goto("/workflows/orders/executions?state=failed");
  await page.getByRole("link", { name: "Finish", exact: true }).first().click();
  await page.getByText("410 Gone", { exact: true }).waitFor();
  await shot(page, "phone-execution");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  expect(complaints).toEqual([]);
});
