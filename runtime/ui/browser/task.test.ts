// One task: an action that is performed, fails, is retried, or gets no answer; and all else that is written on its page.
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { makeOrder, walks, workflow } from "./orders";
import { Program, Receiver, accessible, browser, member, shot, sleep, until } from "./support";

let receiver: Receiver;
let program: Program;
let chromium: Browser;
const walk = walks(
  () => chromium,
  () => program,
);

beforeAll(async () => {
  receiver = await Receiver.start();
  program = await Program.start({ "orders.toml": workflow(receiver.address) });
  chromium = await browser();
});

afterEach(async () => {
  await walk.end();
  receiver.answer = { status: 200, body: "{}" };
});

afterAll(async () => {
  await chromium?.close();
  await program?.stop();
  receiver?.stop();
});

test("an action is performed once, however often it is pressed, and the page follows its steps", async () => {
  const number = await makeOrder(program, { Customer: "Stark Industries" });
  receiver.answer = { status: 200, body: '{"task":{"Contract Value":"77"}}', afterMs: 900 };
  const before = receiver.calls.length;
  const { page, complaints } = await walk.begin();
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

test("a double click on an action that ends at once performs it once; a click later is another one", async () => {
  const number = await makeOrder(program, { Customer: "Soylent" });
  const { page, complaints } = await walk.begin();
  await page.goto(`/workflows/orders/tasks/${number}`);
  const performed = () => program.api<unknown[]>("GET", `/workflows/orders/executions?task=${number}`);
  const button = page.getByRole("button", { name: "Note a call" });
  // As people do it: the second click comes when the first one has been done.
  await button.dblclick({ delay: 150 });
  await page.getByText("Note a call: done.").first().waitFor();
  await sleep(500);
  expect(await performed()).toHaveLength(1);
  await button.click();
  await until("it is performed again", async () => (await performed()).length === 2);
  expect(complaints).toEqual([]);
});

test("a failure says where, by whom and in whose words, and goes on from its step when it is retried", async () => {
  const number = await makeOrder(program, { Customer: "Wonka" });
  receiver.answer = { status: 402, body: '{"error":{"message":"The card was declined"}}' };
  const { page, complaints } = await walk.begin();
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
  for (const Customer of ["First of two", "Second of two"]) await makeOrder(program, { Customer, Stage: "In Progress" });
  const { page, complaints } = await walk.begin();
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
  const number = await makeOrder(program, { Customer: "Cyberdyne", Stage: "In Progress" });
  receiver.answer = { status: 200, body: "{}", afterMs: 30_000 };
  const { page, complaints } = await walk.begin({ dark: true });
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByRole("button", { name: "Charge" }).click();
  const card = page.getByRole("alert", { name: "Charge failed" });
  await card.getByText(/Sent, no answer/).first().waitFor();
  await card.getByText("did not answer within 3 s. Whether it did what was asked is not known").waitFor();
  await accessible(page);
  await shot(page, "task-unknown-dark");
  await card.getByRole("button", { name: "Retry from step 2" }).click();
  const again = page.getByRole("dialog", { name: "Retry" });
  await again.getByText("The call was sent and may have taken effect.", { exact: false }).waitFor();
  await again.getByRole("button", { name: "Cancel" }).click();
  await card.getByRole("button", { name: "Dismiss" }).click();
  await page.getByRole("dialog", { name: "Dismiss this failure" }).getByRole("button", { name: "Dismiss" }).click();
  await card.waitFor({ state: "detached" });
  await page.getByText("Dismissed").waitFor();
  expect(complaints).toEqual([]);
});

test("a task's values, files, checklist and comments are written on its page; a scheduled move is called off; it is deleted", async () => {
  const number = await makeOrder(program, { Customer: "Tyrell", "Assigned To": program.email });
  const { page, complaints } = await walk.begin();
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
  const number = await makeOrder(program, { Customer: "Aperture" });
  const { page, complaints } = await walk.begin();
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

test("what is half written tells what others wrote meanwhile, and follows its task to another Unique ID", async () => {
  const number = await makeOrder(program, { Customer: "Cyberdyne" });
  const { page, complaints } = await walk.begin();
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByLabel("New comment").fill("Half a sentence");
  await page.getByRole("button", { name: "Edit Notes" }).click();
  await page.getByLabel("Notes").fill("Mine");
  await page.getByRole("link", { name: "Executions" }).click();
  await page.getByRole("heading", { name: "Executions" }).waitFor();
  await program.api("PUT", `/workflows/orders/tasks/${number}`, { Notes: "Theirs" });
  await page.goBack();
  await page.getByRole("button", { name: "Edit Notes" }).click();
  await page.getByText("Meanwhile it was changed to: Theirs").waitFor();
  expect(await page.getByLabel("Notes").inputValue()).toBe("Mine");
  await page.getByRole("button", { name: "Cancel" }).click();

  await page.getByRole("button", { name: "Edit Order Number" }).click();
  await page.getByLabel("Order Number").fill("X-900");
  await page.getByLabel("Order Number").press("Enter");
  await page.waitForURL(/tasks\/X-900$/);
  await page.getByRole("heading", { name: /X-900/ }).waitFor();
  expect(await page.getByLabel("New comment").inputValue()).toBe("Half a sentence");
  await page.getByRole("button", { name: "Edit Order Number" }).click();
  expect(await page.getByLabel("Order Number").inputValue()).toBe("X-900");
  expect(await page.getByText("Meanwhile it was changed").count()).toBe(0);

  // Somebody else may give it another one, too.
  await program.api("PUT", "/workflows/orders/tasks/X-900", { "Order Number": "X/1000" });
  await page.waitForURL(/tasks\/X%2F1000$/);
  await page.getByText("Its Unique ID is X/1000 now.").waitFor();
  await page.getByRole("heading", { name: /X\/1000/ }).waitFor();
  expect(await page.getByLabel("New comment").inputValue()).toBe("Half a sentence");
  expect(complaints).toEqual([]);
});

test("in an archived workflow a failure is dismissed, and nothing else is offered", async () => {
  await program.api("POST", "/workflows/import", workflow(receiver.address).replace('"Orders"', '"Old orders"'));
  await program.api("POST", "/workflows/old-orders/tasks", { "Order Number": "7", Customer: "Tyrell" });
  receiver.answer = { status: 422, body: '{"message": "No such account"}' };
  const { page, complaints } = await walk.begin();
  await page.goto("/workflows/old-orders/tasks/7");
  await page.getByRole("button", { name: "Charge" }).click();
  const card = page.getByRole("alert", { name: "Charge failed" });
  await card.getByRole("button", { name: /^Retry/ }).waitFor();
  await program.api("POST", "/workflows/old-orders/archive");
  await page.getByText("Archived: it can be read, but not changed").waitFor();
  await until("nothing is offered", async () => (await page.getByRole("button", { name: /^(Retry|Charge|Note a call|Edit |Comment)/ }).count()) === 0);
  await accessible(page);
  await shot(page, "task-archived");
  await card.getByRole("button", { name: "Dismiss" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Dismiss" }).click();
  await card.waitFor({ state: "detached" });
  expect(complaints).toEqual([]);
});

test("an action that deletes its task leads back to the list, and says so", async () => {
  const number = await makeOrder(program, { Customer: "Oscorp", Stage: "Closed" });
  const { page, complaints } = await walk.begin();
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByRole("button", { name: "Throw away" }).click();
  await page.getByText("Throw away: done.").first().waitFor();
  await page.getByText("The task is deleted.").waitFor();
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  expect(await page.getByRole("link", { name: "Oscorp" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("whoever may only look sees the task as it is, and is offered nothing that they may not do", async () => {
  const number = await makeOrder(program, { Customer: "Hooli", "Contract Value": "7731" });
  const vera = await member(program, "vera@example.com", { orders: "viewer" });
  const { page, complaints } = await walk.begin(vera);
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByRole("heading", { name: "Hooli" }).waitFor();
  await page.getByRole("region", { name: "Details" }).getByText("7,731").waitFor();
  await page.getByText("Call the customer").first().waitFor();
  for (const name of ["Charge", "Reject"]) {
    expect(await page.getByRole("button", { name: new RegExp(`^${name}`) }).getAttribute("aria-disabled"), name).toBe("true");
  }
  for (const name of ["Edit Mail", "Comment", "Add"]) {
    expect(await page.getByRole("button", { name, exact: true }).count(), name).toBe(0);
  }
  expect(await page.getByLabel("New comment").count()).toBe(0);
  await accessible(page);
  await page.getByRole("button", { name: "More", exact: true }).click();
  expect(await page.getByRole("menuitem").allInnerTexts()).toEqual(["Copy link"]);
  await shot(page, "task-viewer");
  await page.keyboard.press("Escape");
  // What others do is seen here at once.
  await program.api("POST", `/workflows/orders/tasks/${number}/comments`, { body: "They called back" });
  await page.getByRole("listitem").getByText("They called back").waitFor();
  await page.goto("/workflows/orders/tasks");
  await page.getByRole("link", { name: "Hooli" }).waitFor();
  expect(await page.getByRole("button", { name: "New task" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("who has left the page before the action failed is told all the same", async () => {
  const number = await makeOrder(program, { Customer: "Massive Dynamic" });
  receiver.answer = { status: 402, body: "Declined", afterMs: 1500 };
  const { page, complaints } = await walk.begin();
  await page.goto(`/workflows/orders/tasks/${number}`);
  await page.getByRole("button", { name: "Charge" }).click();
  await page.getByRole("region", { name: "Charge is under way" }).waitFor();
  await page.getByRole("link", { name: "Executions" }).click();
  await page.getByText(new RegExp(`^Charge failed on the task ${number} · Massive Dynamic\\..*Declined`)).waitFor();
  expect(complaints).toEqual([]);
});
