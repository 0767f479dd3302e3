// Signing in and out, and that nothing else can be seen before.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program, accessible, browser, shot, signedIn, watched } from "./support";

let program: Program;
let chromium: Browser;

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
