// Tasks: the table that is filtered, searched, sorted and written into; and an action that is performed, fails, is retried, or gets no answer.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Program, Receiver, accessible, browser, shot, signedIn, sleep, until } from "./support";

const workflow = (receiver: string) => `
name = "Orders"
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

const MANY = `
name = "Many"
[[fields]]
name = "Name"
type = "text"
[[fields]]
name = "Amount"
type = "number"
[[stages]]
name = "Open"
[[stages]]
name = "Done"
end = true
`;
/** Enough for several pages; ten thousand take longer to make than to look at. */
const MANY_TASKS = 700;
const AT_ONCE = 10;

let receiver: Receiver;
let program: Program;
let chromium: Browser;
/** Of the walk that runs; closed after it, also where it fails. */
let close: (() => Promise<void>) | undefined;

async function walker(options: { width?: number; height?: number; dark?: boolean } = {}): Promise<{ page: Page; complaints: string[] }> {
  const { page, context, complaints } = await signedIn(chromium, program, options);
  close = () => context.close();
  return { page, complaints };
}

/** Makes a task, and answers its number. */
async function made(values: Record<string, unknown>): Promise<string> {
  const task = await program.api<Record<string, string>>("POST", "/workflows/orders/tasks", values);
  return task["Order Number"]!;
}

/** A cell of the table by its row and its column's name. */
async function cell(page: Page, row: string, column: string) {
  const index = await page.getByRole("columnheader", { name: column, exact: true }).getAttribute("aria-colindex");
  return page.getByRole("row").filter({ hasText: row }).locator(`[role=gridcell][aria-colindex="${index}"]`);
}

const ends = (page: Page) => page.getByRole("status");

beforeAll(async () => {
  receiver = await Receiver.start();
  program = await Program.start({ "orders.toml": workflow(receiver.address), "many.toml": MANY });
  chromium = await browser();
  const customers = ["Acme Corp", "Globex", "Initech", "Umbrella"];
  for (const [index, Customer] of customers.entries()) {
    const Stage = ["Open", "In Progress", "Open", "Closed"][index];
    await made({ Customer, Stage, "Contract Value": String(10_000 * (index + 1)), "Assigned To": index === 1 ? program.email : null });
  }
});

afterEach(async () => {
  await close?.();
  close = undefined;
  receiver.answer = { status: 200, body: "{}" };
});

afterAll(async () => {
  await chromium?.close();
  await program?.stop();
  receiver?.stop();
});

test("the table is narrowed by stages, assignees, a search and a filter, all of which the address keeps", async () => {
  const { page, complaints } = await walker();
  await page.goto("/workflows/orders/tasks");
  const side = page.getByRole("navigation", { name: "Stages and assignees" });
  await page.getByRole("link", { name: "Acme Corp" }).waitFor();
  await side.getByRole("button", { name: /^Active 3/ }).waitFor();
  expect(await page.getByRole("link", { name: "Umbrella" }).count()).toBe(0);
  await accessible(page);
  await shot(page, "tasks");

  await side.getByRole("button", { name: /^Closed 1/ }).click();
  await page.getByRole("link", { name: "Umbrella" }).waitFor();
  await side.getByRole("button", { name: /^All 4/ }).first().click();
  await side.getByRole("button", { name: /^Unassigned 3/ }).click();
  await page.getByRole("link", { name: "Globex" }).waitFor({ state: "detached" });
  await side.getByRole("button", { name: /^All 4/ }).last().click();

  await page.getByRole("columnheader", { name: "Contract Value" }).click();
  await page.getByRole("columnheader", { name: "Contract Value" }).click();
  await until("the largest value is first", async () => (await page.locator('[data-cell="0:0"]').textContent()) === "Umbrella");

  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("button", { name: "Add a condition" }).click();
  await page.getByRole("button", { name: /Field/ }).click();
  await page.getByRole("option", { name: "Contract Value" }).click();
  await page.getByRole("button", { name: /Condition/ }).click();
  await page.getByRole("option", { name: "is at least" }).click();
  await page.getByLabel("Value", { exact: true }).fill("20000");
  await ends(page).getByText("3 of 4 tasks").waitFor();
  await accessible(page);
  await shot(page, "tasks-filter");

  await page.getByLabel("Search tasks").fill("glob");
  await ends(page).getByText("1 of 4 tasks").waitFor();
  await page.reload();
  await page.getByRole("link", { name: "Globex" }).waitFor();
  expect(await page.getByLabel("Search tasks").inputValue()).toBe("glob");
  await page.getByRole("button", { name: "Remove: Contract Value is at least 20,000" }).click();
  await page.getByLabel("Search tasks").fill("nobody is called that");
  await page.getByText("No task is like that").waitFor();
  await page.getByRole("button", { name: "Clear search and filters" }).click();
  await ends(page).getByText("4 tasks").waitFor();

  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("dialog", { name: "Columns" }).getByText("Priority").click();
  await page.keyboard.press("Escape");
  await page.reload();
  await page.getByRole("button", { name: "Columns (1 hidden)" }).waitFor();
  expect(await page.getByRole("columnheader", { name: "Priority" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("a task is made, and its cells are written into by keyboard; what is wrong is said beside them", async () => {
  // So wide that all columns are there.
  const { page, complaints } = await walker({ width: 2300 });
  await page.goto("/workflows/orders/tasks");
  await page.getByRole("button", { name: "New task" }).click();
  const dialog = page.getByRole("dialog", { name: "New task" });
  await dialog.getByLabel("Order Number").fill("1");
  await dialog.getByLabel("Mail").fill("nonsense");
  await dialog.getByRole("button", { name: "Create task" }).click();
  await dialog.getByText("Customer is required").waitFor();
  await dialog.getByLabel("Customer").fill("Hooli");
  await dialog.getByRole("button", { name: "Create task" }).click();
  await dialog.getByText(/Mail is invalid|Order Number is taken/).first().waitFor();
  await accessible(page);
  await dialog.getByLabel("Mail").fill("hooli@example.com");
  await dialog.getByLabel("Order Number").fill("");
  await dialog.getByRole("button", { name: "Create task" }).click();
  await page.getByRole("heading", { name: /Hooli/ }).waitFor();
  await page.getByRole("link", { name: "Tasks" }).first().click();

  // What others change is seen without being asked for.
  await page.getByRole("link", { name: "Hooli" }).waitFor();
  await program.api("PUT", "/workflows/orders/tasks/1", { Mail: "acme@example.com" });
  await (await cell(page, "Acme Corp", "Mail")).getByText("acme@example.com").waitFor();

  const value = await cell(page, "Hooli", "Contract Value");
  await value.click();
  await page.keyboard.type("a lot");
  await page.keyboard.press("Enter");
  await page.getByText("Contract Value must be a number").waitFor();
  await shot(page, "tasks-cell-error");
  await page.getByRole("textbox", { name: "Contract Value" }).fill("1234.50");
  await page.keyboard.press("Enter");
  await value.getByText("1,234.50").waitFor();

  const mail = await cell(page, "Hooli", "Mail");
  await mail.dblclick();
  await page.getByRole("textbox", { name: "Mail" }).fill("nobody");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText(/Mail is invalid/).waitFor();
  await page.keyboard.press("Escape");
  await mail.getByText("hooli@example.com").waitFor();

  await (await cell(page, "Hooli", "Priority")).dblclick();
  await page.getByRole("option", { name: "High" }).click();
  await (await cell(page, "Hooli", "Priority")).getByText("High").waitFor();
  await until("the cell has the keyboard again", () => page.evaluate(() => document.activeElement?.getAttribute("role") === "gridcell"));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Space");
  await (await cell(page, "Hooli", "Paid?")).getByLabel("Yes").waitFor();
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /Hooli/ }).waitFor();
  expect(complaints).toEqual([]);
});

test("an action is performed once, however often it is pressed, and the page follows its steps", async () => {
  const number = await made({ Customer: "Stark Industries" });
  receiver.answer = { status: 200, body: '{"task":{"Contract Value":"77"}}', afterMs: 900 };
  const before = receiver.calls.length;
  const { page, complaints } = await walker();
  await page.goto(`/workflows/orders/tasks/${number}`);

  // What is missing stands on the button, where a screen reader finds it, too.
  const reject = page.getByRole("button", { name: "Reject" });
  await reject.getByText("Due is required").waitFor();
  expect(await reject.getAttribute("aria-disabled")).toBe("true");
  await reject.focus();
  await page.keyboard.press("Enter");
  const why = page.getByRole("dialog", { name: "Reject cannot be performed yet" });
  expect(await why.getByRole("listitem").allTextContents()).toEqual(["Due is required", "Checklist must be completed", "Must be assigned"]);
  await shot(page, "task-unmet");
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Charge" }).dblclick();
  const card = page.getByRole("region", { name: "Charge is under way" });
  await card.getByText("Tell billing", { exact: true }).waitFor();
  expect(await card.getByRole("listitem").count()).toBe(3);
  await accessible(page);
  await shot(page, "task-under-way");
  await page.getByText("Charge: done.").waitFor();
  await page.getByText("Closed").first().waitFor();
  await page.getByText("77").first().waitFor();
  await card.waitFor({ state: "detached" });
  await sleep(300);
  expect(receiver.calls.length - before).toBe(1);
  expect(await program.api("GET", `/workflows/orders/executions?task=${number}`)).toHaveLength(1);
  expect(complaints).toEqual([]);
});

test("a failure says where, by whom and in whose words, and goes on from its step when it is retried", async () => {
  const number = await made({ Customer: "Wonka" });
  receiver.answer = { status: 402, body: '{"error":{"message":"The card was declined"}}' };
  const { page, complaints } = await walker();
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByRole("button", { name: "Charge" }).click();
  const card = page.getByRole("alert", { name: "Charge failed" });
  await card.getByText("Charge failed on step 2, Tell billing").waitFor();
  await card.getByText(new URL(receiver.address).host).waitFor();
  await card.getByText("402 Payment Required").waitFor();
  await card.getByText("The card was declined").waitFor();
  await card.getByText("1 Note it. What was changed in Notes stays.").waitFor();
  await card.getByText("3 Close it").waitFor();
  await accessible(page);
  await shot(page, "task-failed");

  // It is still there when the page is.
  await page.reload();
  receiver.answer = { status: 200, body: "{}" };
  const calls = receiver.calls.length;
  await card.getByRole("button", { name: "Retry from step 2" }).click();
  await page.getByText("Charge: done.").waitFor();
  await card.waitFor({ state: "detached" });
  expect(receiver.calls.length - calls).toBe(1);
  await page.getByRole("button", { name: "Steps" }).first().click();
  await page.getByRole("list", { name: "Steps" }).getByText("Tell billing").first().waitFor();
  expect(complaints).toEqual([]);
});

test("an action asks first, celebrates, and leads to the next task of the list", async () => {
  for (const Customer of ["First of two", "Second of two"]) await made({ Customer, Stage: "In Progress" });
  const { page, complaints } = await walker();
  await page.goto("/workflows/orders/tasks?q=of+two&sort=Customer");
  await page.getByRole("link", { name: "First of two" }).click();
  await page.getByRole("button", { name: "Hand over" }).click();
  const dialog = page.getByRole("dialog", { name: "Hand over" });
  await dialog.getByText("Is it ready?").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Hand over" }).click();
  await dialog.getByRole("button", { name: "Hand over" }).click();
  await page.getByRole("heading", { name: /Second of two/ }).waitFor();
  expect(await page.locator("[class*=confetti]").count()).toBe(1);
  await shot(page, "task-celebrated");
  await page.getByRole("button", { name: "Hand over" }).click();
  await dialog.getByRole("button", { name: "Hand over" }).click();
  // There is no other one: back to the list, as it was.
  await page.getByText("There is no other task in the list.").waitFor();
  expect(new URL(page.url()).search).toBe("?q=of+two&sort=Customer");
  expect(complaints).toEqual([]);
});

test("what was sent and got no answer is told as that, and can be closed", async () => {
  const number = await made({ Customer: "Cyberdyne", Stage: "In Progress" });
  receiver.answer = { status: 200, body: "{}", afterMs: 30_000 };
  const { page, complaints } = await walker({ dark: true });
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByRole("button", { name: "Charge" }).click();
  const card = page.getByRole("alert", { name: "Charge failed" });
  await card.getByText(/Sent, no answer/).first().waitFor();
  await card.getByText("did not answer within 3 s. Whether it did what was asked is not known").waitFor();
  await accessible(page);
  await shot(page, "task-unknown-dark");
  await card.getByRole("button", { name: "Dismiss" }).click();
  await card.waitFor({ state: "detached" });
  await page.getByText("Dismissed").waitFor();
  expect(complaints).toEqual([]);
});

test("a task's values, files, checklist and comments are written on its page; a scheduled move is called off; it is deleted", async () => {
  const number = await made({ Customer: "Tyrell", "Assigned To": program.email });
  const { page, complaints } = await walker();
  await page.goto(`/workflows/orders/tasks/${number}`);
  const details = page.getByRole("region", { name: "Details" });
  await details.getByRole("button", { name: "Edit Mail" }).click();
  await details.getByLabel("Mail").fill("nonsense");
  await details.getByRole("button", { name: "Save" }).click();
  await details.getByText(/is invalid/).waitFor();
  await details.getByLabel("Mail").fill("tyrell@example.com");
  await details.getByRole("button", { name: "Save" }).click();
  await details.getByRole("link", { name: "tyrell@example.com" }).waitFor();
  await details.getByRole("button", { name: "Edit Due" }).click();
  await details.getByLabel("Due").fill("2027-02-03");
  await details.getByRole("button", { name: "Save" }).click();

  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), details.getByRole("button", { name: "Add a file to Papers" }).click()]);
  await chooser.setFiles({ name: "order.txt", mimeType: "text/plain", buffer: Buffer.from("Ten robots") });
  const [download] = await Promise.all([page.waitForEvent("download"), details.getByRole("link", { name: "order.txt" }).click()]);
  expect(download.suggestedFilename()).toBe("order.txt");

  const checklist = page.getByRole("region", { name: "Checklist", exact: true });
  await checklist.getByRole("button", { name: /^Call the customer/ }).first().click();
  await checklist.getByRole("button", { name: "More for Check the address" }).click();
  await page.getByRole("menuitem", { name: "Skip" }).click();
  await checklist.getByLabel("New item in Open").fill("Send flowers");
  await checklist.getByRole("button", { name: "Add", exact: true }).click();
  await checklist.getByText("2 of 3").waitFor();
  await checklist.getByRole("button", { name: /^Send flowers/ }).click();
  await checklist.getByText("3 of 3").waitFor();

  await page.getByLabel("New comment").fill("Called; they are happy");
  await page.getByRole("button", { name: "Comment", exact: true }).click();
  await page.getByRole("listitem").getByText("Called; they are happy").waitFor();
  await accessible(page);
  await shot(page, "task");

  await page.getByRole("button", { name: "Reject" }).click();
  await page.getByRole("button", { name: "Cancel the move" }).waitFor();
  await shot(page, "task-scheduled");
  await page.getByRole("button", { name: "Cancel the move" }).click();
  await page.getByRole("button", { name: "Cancel the move" }).waitFor({ state: "detached" });

  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Delete task" }).click();
  await page.getByRole("button", { name: "Delete task" }).click();
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByText("This task is not there").waitFor();
  expect(complaints).toEqual([]);
});

test("while the server is away nothing is lost, and what was pressed is performed once when it is back", async () => {
  const number = await made({ Customer: "Aperture" });
  const { page, complaints } = await walker();
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByLabel("New comment").fill("Half a sentence");
  await page.getByRole("button", { name: "Edit Mail" }).click();
  await page.getByLabel("Mail").fill("aperture@example.com");
  await program.kill();
  await page.getByRole("button", { name: "Charge" }).click();
  const notice = page.getByRole("alert").filter({ hasText: "Whether Charge was begun is not known" });
  await notice.waitFor();
  await page.getByText("The server cannot be reached. What you see may be old").waitFor();
  await shot(page, "task-server-away");
  await program.restart();
  await notice.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Charge: done.").waitFor();
  expect(await program.api("GET", `/workflows/orders/executions?task=${number}`)).toHaveLength(1);
  expect(await page.getByLabel("Mail").inputValue()).toBe("aperture@example.com");
  expect(await page.getByLabel("New comment").inputValue()).toBe("Half a sentence");
  expect(complaints).toEqual([]);
});

test("of many tasks only those are there that are seen, to the last one", async () => {
  for (let from = 0; from < MANY_TASKS; from += MANY_TASKS / AT_ONCE) {
    await Promise.all(Array.from({ length: MANY_TASKS / AT_ONCE }, (_, at) => program.api("POST", "/workflows/many/tasks", { Name: `Task ${from + at}`, Amount: from + at })));
  }
  const { page, complaints } = await walker();
  await page.goto("/workflows/many/tasks?sort=Amount");
  await ends(page).getByText("700 tasks").waitFor();
  await page.locator('[data-cell="0:0"]').getByText("Task 0", { exact: true }).waitFor();
  await page.getByRole("grid").evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
  await page.locator('[data-cell="699:0"]').getByText("Task 699", { exact: true }).waitFor();
  expect(await page.getByRole("row").count()).toBeLessThan(60);
  await page.locator('[data-cell="699:0"]').click({ position: { x: 150, y: 20 } });
  await page.keyboard.press("Control+Home");
  await until("the first cell has the keyboard", () => page.evaluate(() => document.activeElement?.getAttribute("data-cell") === "0:0"));
  await page.keyboard.press("PageDown");
  await page.keyboard.press("PageDown");
  await page.keyboard.press("ArrowRight");
  await until("a cell further down has the keyboard", async () => {
    const [row, column] = await page.evaluate(() => (document.activeElement?.getAttribute("data-cell") ?? "").split(":").map(Number));
    return row! > 20 && column === 1;
  });
  expect(complaints).toEqual([]);
});

test("on a phone, in the dark", async () => {
  const { page, complaints } = await walker({ width: 390, height: 844, dark: true });
  await page.goto("/workflows/orders/tasks");
  await page.getByRole("link", { name: "Acme Corp" }).waitFor();
  await accessible(page);
  await shot(page, "tasks-phone-dark");
  await page.getByRole("link", { name: "Acme Corp" }).click();
  await page.getByRole("heading", { name: /Acme Corp/ }).waitFor();
  await page.getByRole("button", { name: "Charge" }).waitFor();
  await accessible(page);
  await shot(page, "task-phone-dark");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  expect(complaints).toEqual([]);
});
