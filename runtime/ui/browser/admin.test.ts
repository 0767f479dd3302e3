// What administrators do: the first run, people and their roles, API keys, secrets, workflows; and what others see of it.
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program, type Watched, accessible, browser, shot, signedIn, until, watched } from "./support";

const ORDERS = `
name = "Orders"
[[roles]]
name = "Viewer"
edit = false
perform = []
[[fields]]
name = "Number"
type = "uniqueId"
required = true
[[stages]]
name = "Open"
[[stages]]
name = "Shipped"
end = true
[[actions]]
name = "Ship"
from = ["Open"]
[[actions.steps]]
type = "api_call"
name = "Tell the carrier"
url = "http://127.0.0.1:9/ship"
headers = { Authorization = "Bearer {{secrets.CARRIER_TOKEN}}" }
[[actions.steps]]
type = "move_to_stage"
stage = "Shipped"
`;

let program: Program;
let chromium: Browser;
let ada: Watched;

beforeAll(async () => {
  program = await Program.start({ "orders.toml": ORDERS });
  chromium = await browser();
  ada = await signedIn(chromium, program);
});

afterAll(async () => {
  await chromium?.close();
  await program?.stop();
});

/** Holds a page to its accessibility, and keeps pictures of it, light, dark and narrow. A dialog is held to it once. */
async function looked(page: Page, name: string, { isDialog = false } = {}): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    if (colorScheme === "dark" || !isDialog) await accessible(page);
    await shot(page, `${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  const size = page.viewportSize()!;
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow, `${name} is too wide`).toBeLessThanOrEqual(0);
  await shot(page, `${name}-narrow`);
  await page.setViewportSize(size);
}

const row = (page: Page, name: string) => page.getByRole("listitem").filter({ hasText: name });

test("somebody is invited, accepts, and sees what their role allows and no more", async () => {
  const { page } = ada;
  await page.goto("/team");
  await page.getByRole("button", { name: "Invite somebody" }).click();
  await page.getByLabel("Email").fill("bob@example.com");
  await page.getByRole("button", { name: /Orders/ }).click();
  await page.getByRole("option", { name: "Viewer" }).click();
  await looked(page, "invite", { isDialog: true });
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = await page.getByText("/invitation#").innerText();
  await shot(page, "invite-link");
  await page.getByRole("button", { name: "Done" }).click();
  await row(page, "bob@example.com").getByText("Viewer").waitFor();

  const context = await chromium.newContext({ baseURL: program.address });
  const bob = await watched(context, program);
  await bob.page.goto(`/invitation${new URL(link).hash}`);
  await bob.page.getByText("You are invited as bob@example.com").waitFor();
  await bob.page.getByLabel("First name").fill("Bob");
  await bob.page.getByLabel("Last name").fill("Byrne");
  await bob.page.getByLabel("Password", { exact: true }).fill("short");
  expect(await bob.page.getByRole("button", { name: /sign in/ }).isDisabled()).toBe(true);
  await bob.page.getByLabel("Password", { exact: true }).fill("a long password");
  await looked(bob.page, "invitation");
  await bob.page.getByRole("button", { name: /sign in/ }).click();
  await bob.page.getByRole("heading", { name: "Workflows" }).waitFor();

  const orders = row(bob.page, "Orders");
  await orders.getByRole("link", { name: "Executions" }).waitFor();
  for (const name of ["Flow Builder", "Versions"]) expect(await orders.getByRole("link", { name }).count()).toBe(0);
  for (const name of [/New workflow/, /From a file/, /^More/]) expect(await bob.page.getByRole("button", { name }).count()).toBe(0);
  await bob.page.getByRole("button", { name: /^Account of Bob Byrne/ }).click();
  expect(await bob.page.getByRole("menuitem").allInnerTexts()).toEqual(["Account", "As the system", "Light", "Dark", "Sign out"].map((it) => expect.stringContaining(it)));
  await bob.page.keyboard.press("Escape");
  for (const path of ["/team", "/keys", "/secrets"]) {
    await bob.page.goto(path);
    await bob.page.getByRole("heading", { name: "This page is for administrators" }).waitFor();
  }
  await accessible(bob.page);
  await bob.page.goto("/account");
  await bob.page.getByText("Viewer: see tasks").waitFor();
  // The link was followed, so nobody else can.
  await bob.page.goto(`/invitation${new URL(link).hash}`);
  await bob.page.getByRole("heading", { name: "This link leads nowhere" }).waitFor();
  await accessible(bob.page);
  expect(bob.complaints).toEqual([]);
  await context.close();
});

test("a role is changed, somebody becomes an administrator and none again, and a link gives a new password", async () => {
  const { page } = ada;
  await page.goto("/team");
  const bob = row(page, "Bob Byrne");
  await bob.getByText("Viewer").waitFor();
  await bob.getByRole("button", { name: "Roles of Bob Byrne" }).click();
  await page.getByRole("button", { name: /Orders/ }).click();
  await page.getByRole("option", { name: "Collaborator" }).click();
  await shot(page, "roles");
  await page.getByRole("button", { name: "Save" }).click();
  await bob.getByText("Collaborator").waitFor();

  for (const [entry, does, count] of [
    [/^Make workspace administrator/, "Make administrator", 1],
    [/^Make no workspace administrator/, "Make no administrator", 0],
  ] as const) {
    await bob.getByRole("button", { name: "More about Bob Byrne" }).click();
    if (count) await shot(page, "person-menu");
    await page.getByRole("menuitem", { name: entry }).click();
    await page.getByRole("button", { name: does }).click();
    await until("the mark is right", async () => (await bob.getByText("Workspace administrator").count()) === count);
  }

  await bob.getByRole("button", { name: "More about Bob Byrne" }).click();
  await page.getByRole("menuitem", { name: /new password/ }).click();
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = await page.getByText("/invitation#").innerText();
  await page.getByRole("button", { name: "Done" }).click();
  await looked(page, "team");
  const context = await chromium.newContext({ baseURL: program.address });
  const his = await watched(context, program);
  await his.page.goto(`/invitation${new URL(link).hash}`);
  await his.page.getByLabel("New password").fill("a newer password");
  await shot(his.page, "new-password");
  await his.page.getByRole("button", { name: /sign in/ }).click();
  await his.page.getByRole("heading", { name: "Workflows" }).waitFor();
  expect(his.complaints).toEqual([]);
  await context.close();
  await (await signedIn(chromium, program, { email: "bob@example.com", password: "a newer password" })).context.close();
});

test("the last administrator stays, a link is revoked, and who is deactivated is out", async () => {
  await program.api("POST", "/workflows/orders/tasks", { Number: "7", "Assigned To": "bob@example.com" });
  await program.api("POST", "/invitations", { email: "carol@example.com" });
  const bob = await signedIn(chromium, program, { email: "bob@example.com", password: "a newer password" });
  const { page } = ada;
  // Who administers a workflow gives people roles in it, and no more.
  await program.api("PUT", "/workflows/orders/users/bob@example.com", { role_id: "administrator" });
  await bob.page.getByRole("button", { name: /^Account of/ }).click();
  await bob.page.getByRole("menuitem", { name: "Team" }).click();
  await bob.page.getByRole("button", { name: "Roles of Administrator" }).waitFor();
  for (const name of [/^Invite/, /^More about/]) expect(await bob.page.getByRole("button", { name }).count()).toBe(0);
  await shot(bob.page, "team-of-workflow");

  await page.goto("/team");
  await page.getByRole("button", { name: "More about Administrator" }).click();
  await page.getByRole("menuitem", { name: /^Make no workspace administrator/ }).click();
  await page.getByRole("button", { name: "Make no administrator" }).click();
  await page.getByRole("alert").getByText(/administrator/).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();

  await page.getByRole("button", { name: "Revoke the link for carol@example.com" }).click();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await until("the link is gone", async () => (await row(page, "carol@example.com").count()) === 0);

  await page.getByRole("button", { name: "More about Bob Byrne" }).click();
  await page.getByRole("menuitem", { name: /Deactivate/ }).click();
  await page.getByText("become unassigned: 1 in Orders").waitFor();
  await shot(page, "deactivate");
  await page.getByRole("button", { name: "Deactivate", exact: true }).click();
  await until("he is gone", async () => (await row(page, "Bob Byrne").count()) === 0);
  expect((await program.api<Record<string, unknown>>("GET", "/workflows/orders/tasks/7"))["Assigned To"]).toBeNull();
  await bob.page.getByRole("heading", { name: "Sign in" }).waitFor();
  await bob.context.close();
});

test("a key is shown once, works until it is revoked, and says what it may", async () => {
  const { page } = ada;
  await page.goto("/keys");
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Warehouse");
  await page.getByText("Make, change and delete tasks").click();
  await page.getByText("Only in some").click();
  expect(await page.getByRole("button", { name: "Make the key" }).isDisabled()).toBe(true);
  await page.getByRole("dialog").getByText("Orders").click();
  await page.getByRole("button", { name: /It ends/ }).click();
  await page.getByRole("option", { name: "In 30 days" }).click();
  await looked(page, "new-key", { isDialog: true });
  await page.getByRole("button", { name: "Make the key" }).click();
  const key = await page.getByText(/^onw_/).innerText();
  await looked(page, "key-shown", { isDialog: true });
  const command = await page.getByText(/^curl/).innerText();
  expect(command).toContain(key);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Done" }).click();
  const ask = () => fetch(/http\S+/.exec(command)![0], { headers: { authorization: `Bearer ${key}` } });
  expect((await ask()).status).toBe(200);
  const warehouse = row(page, "Warehouse");
  await warehouse.getByText("Read, Perform").waitFor();
  await warehouse.getByText("in Orders").waitFor();
  await warehouse.getByText("Ends in 30 days").waitFor();
  await page.reload();
  await warehouse.getByText(/^Used (just now|\d+ s ago)/).waitFor();
  expect(await page.getByText(/onw_/).count()).toBe(0);
  await looked(page, "keys");
  await page.getByRole("button", { name: "Revoke Warehouse" }).click();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await until("the key is gone", async () => (await warehouse.count()) === 0);
  expect((await ask()).status).toBe(401);
});

test("a secret that a step needs is set and rotated, one that nothing uses is removed", async () => {
  const { page } = ada;
  await page.goto("/secrets");
  const carrier = row(page, "CARRIER_TOKEN").first();
  await carrier.getByText("Has no value").waitFor();
  await carrier.getByText("“Tell the carrier” in “Ship” of").waitFor();
  await shot(page, "secrets-missing");
  await page.getByRole("button", { name: "Set CARRIER_TOKEN" }).click();
  await page.getByRole("textbox", { name: "Value" }).fill("12345");
  await page.getByText("at least 6 characters").waitFor();
  await page.getByRole("textbox", { name: "Value" }).fill("first value");
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await carrier.getByText("Set here").waitFor();
  await page.getByRole("button", { name: "Rotate CARRIER_TOKEN" }).click();
  await page.getByRole("textbox", { name: "New value" }).fill("second value");
  await shot(page, "secret-rotate");
  await page.getByRole("button", { name: "Replace the value" }).click();
  await page.getByText("has its new value").waitFor();
  expect(await page.getByRole("button", { name: "Remove CARRIER_TOKEN" }).count()).toBe(0);

  await page.getByRole("button", { name: "New secret" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("9 lives");
  await page.getByText("does not begin with a digit").waitFor();
  await page.getByRole("textbox", { name: "Name" }).fill("OLD_TOKEN");
  await page.getByText("{{secrets.OLD_TOKEN}}").waitFor();
  await page.getByRole("textbox", { name: "Value" }).fill("a third value");
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await page.getByRole("button", { name: "Remove OLD_TOKEN" }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await until("it is gone", async () => (await row(page, "OLD_TOKEN").count()) === 0);
  await looked(page, "secrets");
});

test("a workflow begins from scratch, is renamed, exported, archived and brought back", async () => {
  const { page } = ada;
  await page.goto("/workflows");
  await page.getByRole("button", { name: "New workflow" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Orders");
  await page.getByRole("button", { name: "Make the workflow" }).click();
  await page.getByText("Choose another name").waitFor();
  await page.getByRole("textbox", { name: "Name" }).fill("Leads");
  await shot(page, "new-workflow");
  await page.getByRole("button", { name: "Make the workflow" }).click();
  await page.waitForURL("**/workflows/leads/flow");
  expect(await program.api("GET", "/workflows/leads/stages")).toEqual(["Not Started", "In Progress", "Done"].map((name) => expect.objectContaining({ name })));

  await page.goto("/workflows");
  const more = async (name: string, entry: RegExp) => {
    await page.getByRole("button", { name: `More about ${name}`, exact: true }).click();
    await page.getByRole("menuitem", { name: entry }).click();
  };
  await more("Leads", /Rename/);
  await page.getByRole("textbox", { name: "Name" }).fill("Sales leads");
  await page.getByRole("button", { name: "Rename", exact: true }).click();
  await page.getByRole("link", { name: "Sales leads", exact: true }).waitFor();

  const download = page.waitForEvent("download");
  await more("Sales leads", /Export/);
  const file = await download;
  expect(file.suggestedFilename()).toBe("leads.toml");
  const toml = readFileSync(await file.path(), "utf8");
  expect(toml).toContain('name = "Sales leads"');
  expect(toml).toContain('name = "Finish"');

  await page.getByRole("button", { name: "More about Orders" }).click();
  expect(await page.getByRole("menuitem").allInnerTexts()).toEqual(["Export as a file"]);
  await shot(page, "workflow-menu");
  await page.keyboard.press("Escape");

  await more("Sales leads", /Archive/);
  await shot(page, "archive");
  await page.getByRole("button", { name: "Archive", exact: true }).click();
  await page.getByRole("button", { name: "Show archived workflows (1)" }).click();
  await page.getByRole("list", { name: "Archived workflows" }).getByText("Sales leads").waitFor();
  await looked(page, "workflows");
  await page.getByRole("link", { name: "Sales leads", exact: true }).click();
  await page.getByText("Archived: it can be read, but not changed").waitFor();
  await until("no new task is offered", async () => (await page.getByRole("button", { name: /New task/ }).count()) === 0);
  await looked(page, "archived");
  await page.goto("/workflows");
  await page.getByRole("button", { name: "Show archived workflows (1)" }).click();
  await more("Sales leads", /Bring back/);
  await page.getByRole("list", { name: "Workflows", exact: true }).getByText("Sales leads").waitFor();
});

test("a file with problems says where each is, and comes in once they are mended", async () => {
  const { page } = ada;
  await page.goto("/workflows");
  await page.getByRole("button", { name: "From a file" }).click();
  const good = 'name = "Größen"\n\n[[stages]]\nname = "Neu"\ncolor = "blue"\n';
  await page.locator("input[type=file]").setInputFiles({ name: "sizes.toml", mimeType: "application/toml", buffer: Buffer.from(good.replace("blue", "blau")) });
  const area = page.getByLabel("Workflow file");
  await until("the file is read", async () => (await area.inputValue()).includes("blau"));
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("there is no colour").waitFor();
  await page.getByRole("button", { name: "Line 5, column 9" }).click();
  const selected = await area.evaluate((it: HTMLTextAreaElement) => it.value.slice(it.selectionStart, it.selectionEnd));
  expect(selected).toBe('"blau"');
  await looked(page, "import-problem", { isDialog: true });
  await area.fill(good);
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.waitForURL(/\/workflows\/gr%C3%B6%C3%9Fen\/flow$|\/workflows\/größen\/flow$/);
});

test("the account page changes the password and the theme", async () => {
  await program.api("POST", "/workflows/orders/tasks", { Number: "8" });
  const { page } = ada;
  await page.goto("/account");
  await page.getByLabel("Current password").fill("not mine at all");
  await page.getByLabel("New password").fill("another good one");
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByText("the current password is another one").waitFor();
  await page.getByLabel("Current password").fill(program.password);
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByText("Your password is changed").waitFor();
  await looked(page, "account");
  await page.getByText("Dark", { exact: true }).click();
  expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
  await page.reload();
  expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
  await page.getByText("As the system", { exact: true }).click();
});

test("a server that goes away and comes back is told of, and what was typed stays", async () => {
  const { page } = ada;
  await page.goto("/secrets");
  await page.getByRole("button", { name: "New secret" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("LATER");
  await page.getByRole("textbox", { name: "Value" }).fill("typed before");
  await program.kill();
  await page.getByText("What you see may be old").waitFor();
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
  await shot(page, "lost");
  await program.restart();
  await until("it is connected again", async () => (await page.getByText("What you see may be old").count()) === 0);
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await row(page, "LATER").getByText("Set here").waitFor();

  // Offline, too, and on the way to a page whose files are not there yet: a browser keeps those that it has seen.
  const offline = await signedIn(chromium, program, { password: "another good one" });
  const other = offline.page;
  await other.goto("/secrets");
  await other.getByRole("button", { name: "New secret" }).click();
  await other.getByRole("textbox", { name: "Name" }).fill("OFFLINE");
  await other.getByRole("textbox", { name: "Value" }).fill("typed before");
  await offline.context.setOffline(true);
  // An open connection does not notice that its network has gone.
  await other.getByText("What you see may be old").waitFor();
  await other.getByRole("button", { name: "Set", exact: true }).click();
  await other.getByRole("alert").getByText("The server cannot be reached").waitFor();
  await other.getByRole("button", { name: "Cancel" }).click();
  await other.getByRole("button", { name: /^Account of/ }).click();
  await other.getByRole("menuitem", { name: "API keys" }).click();
  await other.getByText("The page comes as soon as it is there again").waitFor();
  await offline.context.setOffline(false);
  await other.getByRole("heading", { name: "API keys" }).waitFor();
  await until("it is connected again", async () => (await other.getByText("What you see may be old").count()) === 0);
  await offline.context.close();
  for (const { complaints } of [ada, offline]) {
    expect(complaints.filter((it) => !it.includes("dynamically imported module"))).toEqual([]);
  }
});

test("a new server is set up by whoever has its link, once", async () => {
  const fresh = await Program.start({}, { isNew: true });
  const context = await chromium.newContext({ baseURL: fresh.address, viewport: { width: 1400, height: 860 } });
  const { page, complaints } = await watched(context, fresh);
  try {
    await page.goto("/workflows");
    await page.getByRole("heading", { name: "Set up Onward" }).waitFor();
    await looked(page, "setup-link");
    const link = /https?:[^\s"]+\/setup#[\w-]+/.exec(fresh.log)![0];
    await page.getByLabel("Setup link").fill("http://127.0.0.1/setup#wrong");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByLabel("Email").fill("grace@example.com");
    await page.getByLabel("First name").fill("Grace");
    await page.getByLabel("Last name").fill("Hopper");
    await page.getByLabel("Password", { exact: true }).fill("a first password");
    await page.getByRole("button", { name: "Become administrator" }).click();
    await page.getByText("not the one that the server printed").waitFor();
    await page.goto(`/setup${new URL(link).hash}`);
    await until("the wrong link is forgotten", async () => (await page.getByText("not the one that the server printed").count()) === 0);
    await page.getByLabel("Email").fill("grace@example.com");
    await page.getByLabel("First name").fill("Grace");
    await page.getByLabel("Last name").fill("Hopper");
    await page.getByLabel("Password", { exact: true }).fill("a first password");
    await looked(page, "setup");
    await page.getByRole("button", { name: "Become administrator" }).click();
    await page.getByRole("heading", { name: "There is no workflow yet" }).waitFor();
    await looked(page, "workflows-none");
    await page.goto(`/setup${new URL(link).hash}`);
    await page.getByRole("heading", { name: "Onward is set up" }).waitFor();
    await accessible(page);
    expect(complaints).toEqual([]);
  } finally {
    await context.close();
    await fresh.stop();
  }
});
