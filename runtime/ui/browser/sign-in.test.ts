// Signing in and out, and that nothing else can be seen before.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program, accessible, browser, member, proxied, shot, signedIn, watched } from "./support";

let program: Program;
let chromium: Browser;

const PLANS = `
name = "Plans"
[[fields]]
name = "Name"
type = "text"
[[stages]]
name = "Open"
`;

beforeAll(async () => {
  program = await Program.start();
  chromium = await browser();
});

afterAll(async () => {
  await chromium?.close();
  await program?.stop();
});

test("a wrong password is refused in words, the right one leads to where one wanted to go", async () => {
  const context = await chromium.newContext({ baseURL: program.address });
  const { page, complaints } = await watched(context, program);
  await page.goto("/team");
  await page.getByLabel("Email").fill(program.email);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("do not belong together").waitFor();
  await accessible(page);
  await shot(page, "sign-in-refused");
  await page.getByLabel("Password").fill(program.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Team" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/team");
  expect(complaints).toEqual([]);
  await context.close();
});

test("whoever signs in where somebody else's session has ended finds nothing of theirs, and they find it again", async () => {
  await program.api("POST", "/workflows/import", PLANS);
  await program.api("POST", "/workflows/plans/tasks", { Name: "Buy the competitor" });
  const vera = await member(program, "vera@example.com", {});
  const { page, context, complaints } = await signedIn(chromium, program);
  await page.goto("/workflows/plans/tasks");
  await page.getByRole("link", { name: "Buy the competitor" }).click();
  await page.getByRole("heading", { name: "Buy the competitor" }).waitFor();
  await page.getByLabel("New comment").fill("At any price");
  await page.evaluate(() => Object.assign(window, { isTheSame: true }));
  await context.clearCookies();
  const signIn = async ({ email, password }: { email: string; password: string }) => {
    await page.getByPlaceholder("Add an item").fill("Ask the bank");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Buy the competitor" }).waitFor();
    return page.getByLabel("New comment").inputValue();
  };
  expect(await signIn(vera)).toBe("");
  expect(await page.getByRole("link", { name: "Plugins" }).count()).toBe(0);
  await context.clearCookies();
  expect(await signIn(program)).toBe("At any price");
  expect(await page.evaluate(() => "isTheSame" in window), "the page was never loaded anew").toBe(true);
  expect(complaints).toEqual([]);
  await context.close();
});

test("who signs out sees nothing any more", async () => {
  const { page, context, complaints } = await signedIn(chromium, program);
  await page.getByRole("button", { name: /^Account of/ }).click();
  await shot(page, "account-menu");
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto("/workflows");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("behind a proxy that takes a path off all of it is below that path", async () => {
  let server = "";
  const proxy = await proxied("/onward", () => server);
  const below = await Program.start({ "plans.toml": PLANS }, { publicUrl: proxy.address });
  server = below.server;
  await below.api("POST", "/workflows/plans/tasks", { Name: "Buy the competitor" });
  const context = await chromium.newContext({ viewport: { width: 1400, height: 860 } });
  const { page, complaints } = await watched(context, below);
  const elsewhere: string[] = [];
  page.on("request", (asked) => asked.url().startsWith(`${proxy.address}/`) || elsewhere.push(asked.url()));
  await page.goto(`${proxy.address}/workflows/plans/tasks`);
  await page.getByLabel("Email").fill(below.email);
  await page.getByLabel("Password").fill(below.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Buy the competitor" }).click();
  await page.waitForURL(`${proxy.address}/workflows/plans/tasks/*`);
  await page.getByLabel("New comment").fill("At any price");
  await page.getByRole("button", { name: "Comment" }).click();
  await page.getByRole("listitem").getByText("At any price").waitFor();
  // What others do comes by the stream, a part by itself when it is first needed.
  const [task] = await below.api<Record<string, string>[]>("GET", "/workflows/plans/tasks");
  await below.api("PUT", new URL(task!["Task URL"]!).pathname.replace("/onward", ""), { Name: "Sell it" });
  await page.getByRole("heading", { name: "Sell it" }).waitFor();
  await page.getByRole("link", { name: "Flow Builder" }).click();
  await page.locator("[data-id='stage:open']").waitFor();
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "API keys" }).click();
  await page.waitForURL(`${proxy.address}/keys`);
  await page.getByRole("link", { name: "the API" }).waitFor();
  expect(await page.locator("a[href^='/']:not([href^='/onward'])").count()).toBe(0);
  await page.reload();
  await page.getByRole("heading", { name: "API keys" }).waitFor();
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(`${proxy.address}/sign-in`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(elsewhere).toEqual([]);
  expect(complaints.filter((it) => !it.startsWith("left: "))).toEqual([]);
  await context.close();
  proxy.stop();
  await below.stop();
});
