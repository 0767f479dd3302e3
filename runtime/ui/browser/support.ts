// What the walks stand on: a server with its data, a receiver for its calls, a browser that is signed in.
//
// ONWARD_UI=preview the files of `built/` through Vite, for work on the UI without building the program
// ONWARD_SHOTS      a folder for screenshots; none without it
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, type Server, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { type HttpProxy, type PreviewServer, preview } from "vite";
import { expect } from "vitest";
import { CHROMIUM, PROGRAM } from "./needs";

const SHOTS = process.env["ONWARD_SHOTS"];

/** How long anything may take to come about. */
const PATIENCE_MS = 20_000;

export const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Waits until something holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
}

export const KEY = "onw_" + "1b".repeat(24);

/** `onward serve` with an administrator, a key, and what is in `workflows`; it may call this machine. */
export class Program {
  readonly email = "ada@example.com";
  readonly password = "correct horse battery";
  /** Where the UI is, and where the API is: the same, unless the UI is previewed. */
  address = "";
  server = "";
  log = "";
  private child: ChildProcess | undefined;
  private previewed: PreviewServer | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), "onward-browser-"));

  /** `workflows`: files by their names. With `isNew` nobody has set it up: it has no administrator and no key. */
  static async start(workflows: Record<string, string> = {}, { isNew = false, publicUrl = "" } = {}): Promise<Program> {
    const program = new Program();
    program.configure(workflows, isNew, publicUrl);
    await program.run();
    program.address = program.server;
    if (process.env["ONWARD_UI"] === "preview") {
      const { server } = program;
      const proxy = { "/api": { target: server, headers: { origin: server }, configure: endsWithItsServer } };
      program.previewed = await preview({ root: ".", preview: { port: 0, host: "127.0.0.1", proxy }, logLevel: "error" });
      program.address = program.previewed.resolvedUrls!.local[0]!.replace(/\/$/, "");
    }
    return program;
  }

  private configure(workflows: Record<string, string>, isNew: boolean, publicUrl: string): void {
    const write = (name: string, text: string) => writeFileSync(join(this.folder, name), text, { mode: 0o600 });
    mkdirSync(join(this.folder, "workflows"));
    for (const [name, text] of Object.entries(workflows)) write(`workflows/${name}`, text);
    write("password", this.password);
    write("key", KEY);
    const quoted = (name: string) => JSON.stringify(join(this.folder, name));
    const bootstrap =
      `[bootstrap]\nadministrator_email = "${this.email}"\n` +
      `administrator_password_file = ${quoted("password")}\napi_key_file = ${quoted("key")}\n`;
    write(
      "onward.toml",
      `[server]\nlisten = "127.0.0.1:0"\npublic_url = "${publicUrl}"\n[store]\nfolder = ${quoted("data")}\n[workflows]\nfolder = ${quoted("workflows")}\n` +
        `[workspace]\nname = "Acme Corp"\n[egress]\nallow = ["127.0.0.1"]\n` +
        (isNew ? "" : bootstrap),
    );
  }

  private async run(): Promise<void> {
    const ready = join(this.folder, "ready.json");
    rmSync(ready, { force: true });
    const child = spawn(PROGRAM, ["serve", "--config", join(this.folder, "onward.toml"), "--ready-file", ready], {
      // A server that starts again keeps its address.
      env: { ...process.env, ...(this.server && { ONWARD__SERVER__LISTEN: new URL(this.server).host }) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    const keep = (piece: Buffer) => (this.log += piece.toString());
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    await until("the server is ready", () => {
      if (child.exitCode !== null) throw new Error(`the server ended:\n${this.log}`);
      try {
        this.server = address(JSON.parse(readFileSync(ready, "utf8")).address as string);
        return true;
      } catch {
        return false;
      }
    });
  }

  /** Ends the server as a crash would. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
  }

  /** Starts it again, at the same address, with the same data. */
  async restart(): Promise<void> {
    await this.run();
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.previewed?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Asks the API with the administrator's key. */
  async api<T = unknown>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${this.server}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${KEY}`,
        ...(body !== undefined && { "content-type": typeof body === "string" ? "application/toml" : "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }
}

/** Somebody with a role in workflows, by the workflows' and the roles' ids, as `signedIn` takes them. */
export async function member(program: Program, email: string, roles: Record<string, string>): Promise<{ email: string; password: string }> {
  const password = "a long password";
  const { token } = await program.api<{ token: string }>("POST", "/invitations", { email, roles });
  await program.api("POST", "/invitations/accept", { token, password, first_name: "Vera", last_name: "Viewer" }, { authorization: "" });
  return { email, password };
}

/** What stands before a server, and takes a path off what it hands on. Answers where it is, and how to stop it. */
export async function proxied(path: string, target: () => string): Promise<{ address: string; stop: () => void }> {
  const proxy = createServer((asked, answer) => {
    const url = asked.url ?? "";
    if (!url.startsWith(`${path}/`)) return answer.writeHead(404).end("the proxy has nothing there");
    const onward = request(target() + url.slice(path.length), { method: asked.method, headers: asked.headers }, (from) => {
      answer.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  const stop = () => {
    proxy.closeAllConnections();
    proxy.close();
  };
  return { address: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${path}`, stop };
}

/** A stream whose server is gone ends, as it does without a proxy in between. */
function endsWithItsServer(proxy: HttpProxy.ProxyServer): void {
  proxy.on("proxyRes", (from, _, to) => from.on("close", () => from.complete || to.destroy()));
}

function address(said: string): string {
  return said.startsWith("http") ? said : `http://${said}`;
}

export interface Call {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

/** An application that is called: it keeps what it got, and answers as it is told. */
export class Receiver {
  readonly calls: Call[] = [];
  answer: { status: number; body: string; afterMs?: number } = { status: 200, body: "{}" };
  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const body = Buffer.concat(pieces).toString();
        receiver.calls.push({ method: request.method!, path: request.url!, headers: request.headers, body });
        const { status, body: said, afterMs = 0 } = receiver.answer;
        setTimeout(() => response.writeHead(status, { "content-type": "application/json" }).end(said), afterMs);
      });
    });
    const receiver = new Receiver(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return receiver;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A browser without any request to elsewhere. */
export async function browser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** Requests that left the origin, and what the page's console complained of. */
export interface Watched {
  page: Page;
  complaints: string[];
}

/** A page that is watched: what leaves the origin, throws or is refused by the policy is a complaint. */
export async function watched(context: BrowserContext, program: Program): Promise<Watched> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`threw: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // The browser itself notes each refused request, which pages that ask who is signed in expect.
    if (message.type() === "error" && !/Failed to load resource|ERR_/.test(text)) complaints.push(`console: ${text}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (/^https?:/.test(url) && new URL(url).origin !== new URL(program.address).origin) complaints.push(`left: ${url}`);
  });
  return { page, complaints };
}

/** A watched page of somebody who has signed in by the form; the administrator unless it is said. */
export async function signedIn(
  from: Browser,
  program: Program,
  options: { email?: string; password?: string; width?: number; height?: number; dark?: boolean } = {},
): Promise<Watched & { context: BrowserContext }> {
  const { email = program.email, password = program.password, width = 1400, height = 860, dark = false } = options;
  const context = await from.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", baseURL: program.address });
  context.setDefaultTimeout(PATIENCE_MS);
  const its = await watched(context, program);
  await its.page.goto("/sign-in");
  await its.page.getByLabel("Email").fill(email);
  await its.page.getByLabel("Password").fill(password);
  await its.page.getByRole("button", { name: "Sign in" }).click();
  await its.page.getByRole("heading", { name: "Workflows" }).waitFor();
  return { ...its, context };
}

/** Until what changes its colours or its place has done so. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const changing = document.getAnimations().filter((it) => it instanceof CSSTransition);
    await Promise.allSettled(changing.map((it) => it.finished));
  });
}

/** Keeps a screenshot, where somebody wants them. */
export async function shot(page: Page, name: string): Promise<void> {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await settled(page);
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** Holds a page to WCAG 2 A and AA, as far as a program can tell. */
export async function accessible(page: Page): Promise<void> {
  await settled(page);
  // Run in the page's own world it would be refused by the policy; so it is evaluated as a debugger does.
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const run = (window as unknown as { axe: typeof axe }).axe.run;
    // What was announced stays in the page for some seconds, after what it referred to is gone.
    const { violations } = await run({ exclude: "[data-live-announcer]" }, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] });
    return violations.map((it) => `${it.id}: ${it.help}\n${it.nodes.map((node) => `  ${node.html}\n    ${node.failureSummary}`).join("\n")}`);
  });
  expect(found.join("\n")).toBe("");
}
