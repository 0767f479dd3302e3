// The table of tasks: narrowed, searched, sorted and written into; with many tasks, and on a phone.
import { execFileSync } from "node:child_process";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { makeOrder, walks, workflow } from "./orders";
import { KEY, Program, Receiver, accessible, browser, shot, sleep, until } from "./support";

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
const walk = walks(
  () => chromium,
  () => program,
);

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
    await makeOrder(program, { Customer, Stage, "Contract Value": String(10_000 * (index + 1)), "Assigned To": index === 1 ? program.email : null });
  }
});

afterEach(walk.end);

afterAll(async () => {
  await chromium?.close();
  await program?.stop();
  receiver?.stop();
});

test("the table is narrowed by stages, assignees, a search and a filter, all of which the address keeps", async () => {
  const { page, complaints } = await walk.begin();
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
  const { page, complaints } = await walk.begin({ width: 2300 });
  await page.goto("/workflows/orders/tasks");
  await page.getByRole("button", { name: "New task" }).click();
  const dialog = page.getByRole("dialog", { name: "New task" });
  await dialog.getByRole("button", { name: /Stage$/ }).click();
  await page.getByRole("option", { name: "In Progress" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "New task" }).click();
  await dialog.getByRole("button", { name: "In Progress Stage" }).waitFor();
  await dialog.getByLabel("Order Number").fill("1");
  await dialog.getByLabel("Mail").fill("nonsense");
  await dialog.getByRole("button", { name: "Create task" }).click();
  await dialog.getByText("Customer is required").waitFor();
  await until("what is wrong has the keyboard", () => dialog.getByLabel("Customer").evaluate((it) => it === document.activeElement));
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
  // Elsewhere the keyboard goes on; writing there gives this one up, and says so.
  await (await cell(page, "Hooli", "Notes")).click();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("F2");
  await page.getByText(/Contract Value was not saved: Contract Value must be a number.*What was written: a lot/).waitFor();
  await page.keyboard.press("Escape");
  await value.click();
  await page.keyboard.press("Enter");
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

  // A click beside an editor saves, also where it is larger than its cell.
  const notes = await cell(page, "Hooli", "Notes");
  await notes.dblclick();
  await page.getByRole("textbox", { name: "Notes" }).fill("They pay late");
  await page.mouse.click(4, 500);
  await notes.getByText("They pay late").waitFor();

  await (await cell(page, "Hooli", "Priority")).dblclick();
  await page.getByRole("option", { name: "High" }).click();
  await (await cell(page, "Hooli", "Priority")).getByText("High").waitFor();
  await until("the cell has the keyboard again", () => page.evaluate(() => document.activeElement?.getAttribute("role") === "gridcell"));
  await page.keyboard.press("ArrowRight");
  await page.route(/tasks\//, async (route) => {
    if (route.request().method() === "PUT") await sleep(500);
    await route.continue();
  });
  const at = (key: string) => page.evaluate((cell) => document.activeElement?.getAttribute("data-cell") === cell, key);
  const paid = (await (await cell(page, "Hooli", "Paid?")).getAttribute("data-cell"))!;
  await until("the checkbox has the keyboard", () => at(paid));
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowLeft");
  const priority = (await (await cell(page, "Hooli", "Priority")).getAttribute("data-cell"))!;
  await until("the keyboard has gone on", () => at(priority));
  await (await cell(page, "Hooli", "Paid?")).getByLabel("Yes").waitFor();
  expect(await at(priority), "who has gone on meanwhile stays there").toBe(true);
  await page.unrouteAll({ behavior: "wait" });
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /Hooli/ }).waitFor();
  expect(await page.evaluate(() => document.activeElement === document.body), "the keyboard is nowhere").toBe(false);
  expect(complaints).toEqual([]);
});

test("what is being written stays with its task when rows move, and is told when the task leaves the list", async () => {
  const number = await makeOrder(program, { Customer: "Monarch" });
  const { page, complaints } = await walk.begin({ width: 2300 });
  await page.goto("/workflows/orders/tasks?sort=Customer");
  await page.getByRole("link", { name: "Monarch" }).waitFor();
  await (await cell(page, "Monarch", "Mail")).dblclick();
  const input = page.getByRole("textbox", { name: "Mail", exact: true });
  await input.fill("monarch@example.com");
  // It comes before all others, so that each of them is one row further down.
  await makeOrder(program, { Customer: "Aardvark" });
  await page.getByRole("link", { name: "Aardvark" }).waitFor();
  expect(await input.inputValue()).toBe("monarch@example.com");
  await page.keyboard.press("Enter");
  await (await cell(page, "Monarch", "Mail")).getByText("monarch@example.com").waitFor();
  const tasks = await program.api<Record<string, string>[]>("GET", "/workflows/orders/tasks");
  expect(tasks.filter((it) => it["Mail"] === "monarch@example.com").map((it) => it["Customer"])).toEqual(["Monarch"]);

  await (await cell(page, "Monarch", "Mail")).dblclick();
  await input.fill("half@example.com");
  await program.api("PUT", `/workflows/orders/tasks/${number}`, { Stage: "Closed" });
  await page.getByText(/Mail was not saved.*half@example.com/).waitFor();
  expect(await page.getByRole("link", { name: "Monarch" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("of many tasks only those are there that are seen, to the last one", async () => {
  for (let from = 0; from < MANY_TASKS; from += MANY_TASKS / AT_ONCE) {
    await Promise.all(Array.from({ length: MANY_TASKS / AT_ONCE }, (_, at) => program.api("POST", "/workflows/many/tasks", { Name: `Task ${from + at}`, Amount: from + at })));
  }
  const { page, complaints } = await walk.begin();
  await page.goto("/workflows/many/tasks?sort=Amount");
  await ends(page).getByText("700 tasks").waitFor();
  await page.locator('[data-cell="0:0"]').getByText("Task 0", { exact: true }).waitFor();
  // A page that is refused is asked for once, and read when somebody wants to.
  let refused = 0;
  await page.route(/_cursor/, (route) => {
    refused += 1;
    return route.fulfill({ status: 400, json: { code: "invalid_cursor", message: "the cursor is another list's" } });
  });
  await page.getByRole("grid").evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
  await page.getByText("The list could not be read anew").waitFor();
  await sleep(500);
  expect(refused).toBe(1);
  await page.unroute(/_cursor/);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("The list could not be read anew").waitFor({ state: "detached" });
  await page.getByRole("grid").evaluate((grid) => grid.scrollTo(0, 0));
  const toTheEnd = () => page.getByRole("grid").evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
  // What is half written is still there when one has looked elsewhere.
  const amount = Number(await page.getByRole("columnheader", { name: "Amount", exact: true }).getAttribute("aria-colindex")) - 1;
  await page.locator(`[data-cell="3:${amount}"]`).dblclick();
  await page.getByRole("textbox", { name: "Amount" }).fill("1.5");
  await toTheEnd();
  await page.locator('[data-cell="699:0"]').getByText("Task 699", { exact: true }).waitFor();
  expect(await page.getByRole("textbox", { name: "Amount" }).inputValue()).toBe("1.5");
  await page.keyboard.press("Escape");
  await until("the cell has the keyboard again", () => page.evaluate((at) => document.activeElement?.getAttribute("data-cell") === at, `3:${amount}`));
  await toTheEnd();
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
  const { page, complaints } = await walk.begin({ width: 390, height: 844, dark: true });
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

test("the commands of the API page do what they say when they are pasted", async () => {
  const { page, complaints } = await walk.begin();
  await page.goto("/workflows/orders/api");
  const command = async (title: string) => {
    const text = await page.getByRole("region", { name: title }).locator("pre").innerText();
    // The server may be shown by another one, which stands before it.
    return execFileSync("sh", ["-c", `${text.replace("<YOUR-API-KEY>", KEY).replaceAll(program.address, program.server)} -s`]).toString();
  };
  const made = JSON.parse(await command("Add a task")) as Record<string, unknown>;
  expect(made).toMatchObject({ Stage: "Open", Customer: "Example", "Paid?": true, Priority: "Low" });
  expect(JSON.parse(await command("Read the tasks"))).toContainEqual(expect.objectContaining({ "Order Number": made["Order Number"] }));
  await page.getByRole("region", { name: "Perform an action" }).getByRole("button", { name: /Action/ }).click();
  await page.getByRole("option", { name: "Note a call" }).click();
  await page.getByText('"action_id": "note-a-call"').waitFor();
  await accessible(page);
  await shot(page, "api");
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await shot(page, "api-phone");
  expect(complaints).toEqual([]);
});
