// The Flow Builder, walked as the reference page walks it: from a new stage to the receiver that is called.
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program, Receiver, accessible, browser, shot, signedIn, until } from "./support";

let program: Program;
let receiver: Receiver;
let chromium: Browser;

const FLOW = `
name = "API Sample"

[[fields]]
name = "Company ID"
type = "uniqueId"
required = true

[[fields]]
name = "Company Name"
type = "text"

[[stages]]
name = "Not Started"

[[stages]]
name = "In Progress"
color = "yellow"

[[stages]]
name = "Done"
color = "green"
end = true

[[actions]]
name = "Start"
color = "yellow"
from = ["Not Started"]

[[actions.steps]]
type = "move_to_stage"
stage = "In Progress"

[[actions]]
name = "Finish"
color = "green"
from = ["In Progress"]

[[actions.steps]]
type = "move_to_stage"
stage = "Done"
`;

const FILE = FLOW.replace('"API Sample"', '"From a file"');
const ADDRESS = "/workflows/api-sample/flow";

beforeAll(async () => {
  receiver = await Receiver.start();
  program = await Program.start({ "from-a-file.toml": FILE });
  await program.api("POST", "/workflows/import", FLOW);
  await program.api("POST", "/workflows/api-sample/tasks", { "Company ID": "42", "Company Name": "Acme Corp" });
  chromium = await browser();
});

afterAll(async () => {
  await chromium?.close();
  await program?.stop();
  receiver?.stop();
});

const node = (page: Page, id: string) => page.locator(`[data-id="${id}"]`);

async function opened(page: Page, address = ADDRESS): Promise<void> {
  await page.goto(address);
  await page.getByRole("heading", { name: "Flow Builder" }).waitFor();
  await page.locator(".react-flow__node").first().waitFor();
}

async function save(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText(/^Saved as version/).first().waitFor();
  // An earlier save may have said so, too.
  await page.getByRole("button", { name: /^(Save|Saving…)$/ }).waitFor({ state: "detached" });
}

/** Draws an arrow from one thing's handle to another thing. */
async function drawArrow(page: Page, from: Locator, side: string, to: Locator): Promise<void> {
  await from.hover();
  const start = (await from.locator(`.react-flow__handle-${side}`).boundingBox())!;
  const end = (await to.boundingBox())!;
  await page.mouse.move(start.x + start.width / 2, start.y + start.height / 2);
  await page.mouse.down();
  await page.mouse.move(start.x + 40, start.y + 40, { steps: 4 });
  await page.mouse.move(end.x + end.width / 2, end.y + end.height - 2, { steps: 8 });
  await page.mouse.up();
}

const steps = (page: Page) => page.getByRole("grid", { name: "Steps" }).getByRole("row");

async function newStep(page: Page, search: string, name: string): Promise<Locator> {
  const box = page.getByRole("searchbox", { name: "Search step types" });
  // On a busy machine a menu that is being closed may take the click.
  await until("the menu of step types is open", async () => {
    await page.getByRole("button", { name: "New step" }).click();
    return box.waitFor({ timeout: 5000 }).then(() => true, () => false);
  });
  await box.fill(search);
  await page.getByRole("menuitem", { name, exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name }).waitFor();
  return dialog;
}

test("the reference page: a new stage, an arrow, a new action, an API call, Apply, Save, and the call goes out", async () => {
  const { page, complaints, context } = await signedIn(chromium, program);
  await opened(page);
  await accessible(page);
  await shot(page, "flow");

  await page.getByRole("button", { name: "New stage" }).click();
  await page.getByRole("textbox", { name: "Name of the stage" }).fill("Blocked");
  await node(page, "stage:new-stage").getByText("Blocked").waitFor();

  // Two stages that are connected have an action between them.
  await drawArrow(page, node(page, "stage:in-progress"), "right", node(page, "stage:new-stage"));
  await page.getByRole("textbox", { name: "Name of the action" }).fill("Block");
  await steps(page).getByText("Move to Blocked").waitFor();
  expect(await steps(page).count()).toBe(1);

  await page.getByRole("button", { name: "New action" }).click();
  await page.getByRole("textbox", { name: "Name of the action" }).fill("Call the receiver");
  await page.getByText(/^\d problem/).waitFor();
  await page.getByRole("button", { name: "Offer in a stage" }).click();
  await page.getByRole("menuitem", { name: "Not Started" }).click();

  const dialog = await newStep(page, "api", "API call");
  await accessible(page);
  // What is needed is told, and nothing is applied.
  await dialog.getByRole("button", { name: "Apply" }).click();
  await dialog.getByText("This is needed.", { exact: true }).waitFor();
  await dialog.getByRole("textbox", { name: "URL" }).fill(`${receiver.address}/callback?company=`);
  await dialog.getByRole("button", { name: "Insert a field into URL" }).click();
  await page.getByRole("menuitem", { name: "Company Name" }).click();
  await dialog.getByRole("button", { name: "Add header" }).click();
  await dialog.getByRole("textbox", { name: "Name of header 1" }).fill("X-Company");
  await dialog.getByRole("textbox", { name: "Value of header 1" }).fill("{{Company ID}}");
  await shot(page, "flow-api-call");

  // Tried before anything is saved: exactly what was sent, exactly what came back.
  receiver.answer = { status: 200, body: '{"task": {"Company Name": "Acme"}}' };
  await dialog.getByRole("button", { name: "Test" }).click();
  await dialog.getByRole("button", { name: "Run the test" }).click();
  await dialog.getByText("Succeeded").waitFor();
  expect(receiver.calls).toHaveLength(1);
  for (const _ of ["request", "answer"]) await dialog.getByRole("button", { name: "As it was" }).first().click();
  expect(await dialog.getByRole("group", { name: "Body of the request" }).innerText()).toBe(receiver.calls[0]!.body);
  expect(await dialog.getByRole("group", { name: "Body of the answer" }).innerText()).toBe(receiver.answer.body);
  await shot(page, "flow-test");
  await accessible(page);

  await dialog.getByRole("button", { name: "Apply" }).click();
  await steps(page).getByText(receiver.address).waitFor();
  await page.getByRole("status").getByText("No problems").waitFor();
  await save(page);
  await shot(page, "flow-saved");

  receiver.answer = { status: 200, body: "{}" };
  await program.api("POST", "/workflows/api-sample/executions", { task_id: "42", action_id: "call-the-receiver" }, { prefer: "wait=10" });
  expect(receiver.calls).toHaveLength(2);
  const call = receiver.calls[1]!;
  expect(call.path).toBe("/callback?company=Acme%20Corp");
  expect(call.headers["x-company"]).toBe("42");
  const body = JSON.parse(call.body) as { action: string; task: Record<string, unknown> };
  expect(Object.keys(body)).toEqual(["action", "user", "task"]);
  expect(body.action).toBe("Call the receiver");
  expect(body.task).toMatchObject({ Stage: "Not Started", "Company ID": "42", "Company Name": "Acme Corp" });
  expect(complaints).toEqual([]);
  await context.close();
});

test("without a mouse: steps into another order, an arrow, undo; a plugin's form; leaving asks, and the draft is kept", async () => {
  const { page, complaints, context } = await signedIn(chromium, program, { dark: true });
  await opened(page);
  await node(page, "action:finish").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "Name of the action" }).waitFor();
  await accessible(page);

  const dialog = await newStep(page, "update", "Update data");
  await dialog.getByRole("button", { name: "Add field" }).click();
  await dialog.getByRole("button", { name: "Company ID Field" }).click();
  await page.getByRole("option", { name: "Company Name" }).click();
  await dialog.getByRole("textbox", { name: "Value of Company Name" }).fill("{{Company Name}} Inc");
  await shot(page, "flow-plugin-form");
  await accessible(page);
  await dialog.getByRole("button", { name: "Apply" }).click();
  await steps(page).getByText("Update Company Name").waitFor();

  await page.getByRole("button", { name: "Offer in a stage" }).focus();
  for (const key of ["Tab", "ArrowRight", "Enter"]) await page.keyboard.press(key);
  await page.getByRole("button", { name: /^Insert between/ }).waitFor();
  for (const key of ["ArrowDown", "Enter"]) await page.keyboard.press(key);
  await until("the steps are in another order", async () => /Update/.test(await steps(page).first().innerText()));
  await page.locator("[data-canvas]").press("Control+z");
  await until("the order is undone", async () => /Move to/.test(await steps(page).first().innerText()));
  await page.locator("[data-canvas]").press("Control+Shift+z");
  await until("the order is there again", async () => /Update/.test(await steps(page).first().innerText()));
  // And the same by hand, there and back.
  await steps(page).first().dragTo(steps(page).nth(1), { targetPosition: { x: 80, y: 36 } });
  await until("the first step was dragged behind the second", async () => /Move to/.test(await steps(page).first().innerText()));
  await steps(page).nth(1).dragTo(steps(page).first(), { targetPosition: { x: 80, y: 2 } });
  await until("and back", async () => /Update/.test(await steps(page).first().innerText()));

  // What was dropped takes the focus a moment later, and would be what is pressed.
  await until("the stage is selected", async () => {
    await node(page, "stage:done").focus();
    await page.keyboard.press("Enter");
    if (await page.getByRole("button", { name: "Connect to…" }).waitFor({ timeout: 2000 }).then(() => true, () => false)) return true;
    await page.keyboard.press("Escape");
    return false;
  });
  await page.getByRole("button", { name: "Connect to…" }).press("Enter");
  await page.getByRole("menuitem", { name: "In Progress" }).press("Enter");
  await page.getByRole("textbox", { name: "Name of the action" }).waitFor();
  await page.getByRole("button", { name: "Arrange" }).press("Enter");
  await shot(page, "flow-dark");

  await page.getByRole("link", { name: "Executions" }).click();
  await page.getByRole("dialog").getByText("not saved").waitFor();
  await page.getByRole("button", { name: "Keep the draft and leave" }).click();
  await page.waitForURL(/executions$/);
  await opened(page);
  await page.getByText("Your draft was restored").waitFor();
  await node(page, "action:finish").click();
  await until("the draft has the order of the steps", async () => /Update/.test(await steps(page).first().innerText()));
  await save(page);
  expect(complaints).toEqual([]);
  await context.close();
});

test("a server that goes away in mid-edit loses nothing, and the second of two editors chooses", async () => {
  const one = await signedIn(chromium, program);
  const { page } = one;
  await opened(page);
  await node(page, "action:start").click();
  await program.kill();
  await page.getByRole("textbox", { name: "Name of the action" }).fill("Begin");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("The server cannot be reached", { exact: false }).first().waitFor();
  // A reload while it is away would show nothing; once it is there again, the draft is, too.
  await program.restart();
  await page.reload();
  await page.getByText("Your draft was restored").waitFor();
  expect(await node(page, "action:start").innerText()).toBe("Begin");

  const two = await signedIn(chromium, program);
  await opened(two.page);
  await node(two.page, "stage:not-started").click();
  await two.page.getByRole("textbox", { name: "Name of the stage" }).fill("To Do");
  await save(two.page);

  // Told at once, and asked before anything of hers is overwritten.
  await page.getByText(/^Somebody else has saved version/).waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("dialog").getByText("Stage “To Do”").waitFor();
  await page.getByRole("dialog").getByText("Action “Begin”").waitFor();
  await accessible(page);
  await shot(page, "flow-two-editors");
  await page.getByRole("button", { name: "Take theirs" }).click();
  await node(page, "stage:not-started").getByText("To Do").waitFor();
  expect(await node(page, "action:start").innerText()).toBe("Start");
  expect([...one.complaints, ...two.complaints]).toEqual([]);
  await one.context.close();
  await two.context.close();
});

test("a step is as somebody else has saved it until something is typed; two tabs do not throw away each other's draft", async () => {
  await program.api("POST", "/workflows/import", FLOW.replace('"API Sample"', '"Two tabs"'));
  const definition = () => program.api<{ document: { actions: { steps: { name: string; stage: string }[] }[] } }>("GET", "/workflows/two-tabs/definition");
  const { page, complaints, context } = await signedIn(chromium, program);
  await opened(page, "/workflows/two-tabs/flow");
  await node(page, "action:start").click();
  await steps(page).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: /In Progress/ }).waitFor();
  const { document } = await definition();
  document.actions[0]!.steps[0]!.stage = "Done";
  await program.api("PUT", "/workflows/two-tabs/definition", document, { "if-match": '"1"' });
  await dialog.getByRole("button", { name: /Done/ }).waitFor();
  await dialog.getByRole("textbox", { name: "Name of the step" }).fill("Move it");
  await dialog.getByRole("button", { name: "Apply" }).click();
  await save(page);
  expect((await definition()).document.actions[0]!.steps[0]).toMatchObject({ name: "Move it", stage: "Done" });

  await page.getByRole("textbox", { name: "Name of the action" }).fill("Begin");
  const other = await context.newPage();
  await opened(other, "/workflows/two-tabs/flow");
  await other.getByText("Your draft was restored").waitFor();
  await other.getByRole("link", { name: "Executions" }).click();
  await other.getByRole("button", { name: "Throw them away" }).click();
  await other.waitForURL(/executions$/);
  await page.getByRole("link", { name: "Executions" }).click();
  await page.getByRole("button", { name: "Keep the draft and leave" }).click();
  await page.waitForURL(/executions$/);
  await opened(page, "/workflows/two-tabs/flow");
  await page.getByText("Your draft was restored").waitFor();
  expect(await node(page, "action:start").innerText()).toBe("Begin");
  expect(complaints).toEqual([]);
  await context.close();
});

test("a stage with tasks is not removed by a save; versions are compared and restored; a file is read-only", async () => {
  const { page, complaints, context } = await signedIn(chromium, program);
  await opened(page);
  await node(page, "stage:not-started").click();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog").getByText("1 task is in it.").waitFor();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await node(page, "stage:not-started").waitFor({ state: "detached" });
  await node(page, "action:start").click();
  await page.keyboard.press("Delete");
  await node(page, "action:call-the-receiver").click();
  await page.keyboard.press("Delete");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("It was not saved: tasks would be stranded").waitFor();
  await shot(page, "flow-refused");
  await accessible(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await node(page, "stage:not-started").waitFor();

  await page.getByRole("link", { name: "Versions" }).click();
  await page.getByRole("heading", { name: "Versions" }).waitFor();
  await page.getByRole("button", { name: "From version 1", exact: true }).click();
  await page.getByText("Stage “Blocked”").first().waitFor();
  await accessible(page);
  await shot(page, "versions");
  await page.getByRole("button", { name: "Restore version 1", exact: true }).click();
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await page.getByText(/^Version 1 is restored/).waitFor();

  await opened(page, "/workflows/from-a-file/flow");
  await page.getByText("This workflow is managed by the file from-a-file.toml").waitFor();
  expect(await page.getByRole("button", { name: "New stage" }).count()).toBe(0);
  await accessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await until("all of the flow is seen on a phone, too", async () => {
    const canvas = (await page.locator("[data-canvas]").boundingBox())!;
    const boxes = await Promise.all((await page.locator(".react-flow__node").all()).map((it) => it.boundingBox()));
    return boxes.length > 0 && boxes.every((it) => it && it.x >= canvas.x && it.y >= canvas.y && it.x + it.width <= canvas.x + canvas.width && it.y + it.height <= canvas.y + canvas.height);
  });
  await shot(page, "flow-phone");
  await accessible(page);
  expect(complaints).toEqual([]);
  await context.close();
});

test("what is typed into a step is kept before it is applied; Ctrl+S saves once; roles are made; what is archived is only looked at", async () => {
  await program.api("POST", "/workflows/import", FLOW.replace('"API Sample"', '"Drafts"'));
  const versions = () => program.api<unknown[]>("GET", "/workflows/drafts/versions");
  const { page, complaints, context } = await signedIn(chromium, program);
  await page.getByRole("listitem").filter({ hasText: "Drafts" }).getByRole("link", { name: "Flow Builder" }).click();
  await node(page, "action:finish").click();
  const dialog = await newStep(page, "api", "API call");
  await dialog.getByRole("textbox", { name: "URL" }).fill("https://example.com/half");
  await page.goBack();
  await page.getByRole("dialog").getByText("There are changes that are not saved").waitFor();
  await page.getByRole("button", { name: "Stay here" }).click();
  // The browser asks, too; whoever reloads all the same finds what they typed.
  page.once("dialog", (asked) => void asked.accept());
  await page.reload();
  await dialog.getByText("This is what you typed before you left").waitFor();
  expect(await dialog.getByRole("textbox", { name: "URL" }).inputValue()).toBe("https://example.com/half");
  await accessible(page);
  await shot(page, "flow-step-draft");
  await dialog.getByRole("button", { name: "Apply" }).click();
  await node(page, "action:finish").click();
  await steps(page).getByText("https://example.com/half").waitFor();
  const sent: string[] = [];
  page.on("request", (request) => request.method() === "PUT" && sent.push(request.url()));
  for (const _ of ["once", "twice"]) await page.keyboard.press("Control+s");
  await page.getByText(/^Saved as version/).first().waitFor();
  expect(sent).toHaveLength(1);
  expect(await versions()).toHaveLength(2);

  // Roles of the workflow's own are made here, too.
  await page.getByRole("complementary").getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Roles (0)" }).click();
  const roles = page.getByRole("dialog", { name: "Roles" });
  await roles.getByRole("button", { name: "New role" }).click();
  await roles.getByLabel("Name").fill("Auditor");
  await roles.getByRole("group", { name: "Actions that it performs" }).getByText("Finish").click();
  await roles.getByText("sees tasks, performs Finish").waitFor();
  await accessible(page);
  await shot(page, "flow-roles");
  await roles.getByRole("button", { name: "Done" }).click();
  await save(page);
  const { document } = await program.api<{ document: { roles: unknown[] } }>("GET", "/workflows/drafts/definition");
  expect(document.roles).toEqual([expect.objectContaining({ id: "auditor", name: "Auditor", edit: false, perform: ["Finish"] })]);

  await program.api("POST", "/workflows/drafts/archive");
  await opened(page, "/workflows/drafts/flow");
  await page.getByText("This workflow is archived").waitFor();
  expect(await page.getByRole("button", { name: "New stage" }).count()).toBe(0);
  await node(page, "action:finish").click();
  await steps(page).getByText("https://example.com/half").click();
  for (const name of ["Apply", "Test"]) expect(await dialog.getByRole("button", { name }).count(), name).toBe(0);
  await accessible(page);
  expect(complaints).toEqual([]);
  await context.close();
});
