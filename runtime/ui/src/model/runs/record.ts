// What an attempt keeps of a call, read from the loose JSON that the API hands on: what is not as expected is left out, never thrown.

export type Header = readonly [name: string, value: string];

export interface CallRequest {
  method: string;
  url: string;
  headers: Header[];
  body: string;
  /** The step's own: `direct`, or where it is. */
  proxy?: string;
  /** What the step brings for TLS. */
  tls?: { ca: boolean; certificate: boolean };
}

export interface CallResponse {
  status: number;
  headers: Header[];
  body: string;
  /** There is more of it than came, or than was read. */
  incomplete: boolean;
}

/** In microseconds. What did not happen is not there: a kept connection needs no DNS. */
export interface Timing {
  queue?: number;
  dns?: number;
  connect?: number;
  tls?: number;
  firstByte?: number;
  total: number;
}

/** One request and its answer. */
export interface Call {
  request: CallRequest;
  response?: CallResponse;
  timing?: Timing;
  bytesSent: number;
  bytesReceived: number;
}

/** What a plugin's step keeps. */
export interface PluginNotes {
  name: string;
  params: unknown;
  note?: string;
  details?: unknown;
}

export interface CallRecord {
  calls: Call[];
  plugin?: PluginNotes;
  /** What else there is, for which there are no words here. */
  other?: unknown;
}

/** Bytes of a body that are kept. */
const BODY_BYTES_MAX = 16 * 1024;

type Loose = Record<string, unknown>;

const isObject = (value: unknown): value is Loose => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const count = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/** An attempt's or a trial's `record`; null where it keeps nothing. */
export function readRecord(record: unknown): CallRecord | null {
  if (!isObject(record) || Object.keys(record).length === 0) return null;
  const call = readCall(record);
  if (call) return { calls: [call] };
  if ("plugin" in record) {
    const { exchanges } = record;
    const calls = Array.isArray(exchanges) ? exchanges.flatMap((it) => readCall(it) ?? []) : [];
    return { calls, plugin: readPlugin(record) };
  }
  return { calls: [], other: record };
}

function readPlugin(record: Loose): PluginNotes {
  const { plugin } = record;
  return {
    name: isObject(plugin) ? [text(plugin["name"]), text(plugin["version"])].filter(Boolean).join(" ") : text(plugin),
    params: record["params"],
    ...(typeof record["note"] === "string" && { note: record["note"] }),
    ...(record["details"] !== undefined && { details: record["details"] }),
  };
}

function readCall(value: unknown): Call | null {
  if (!isObject(value) || !isObject(value["request"])) return null;
  const { request, response, timing } = value;
  return {
    request: readRequest(request as Loose),
    ...(isObject(response) && { response: readResponse(response) }),
    ...(isObject(timing) && { timing: readTiming(timing) }),
    bytesSent: count(value["bytes_sent"]),
    bytesReceived: count(value["bytes_received"]),
  };
}

function readRequest(request: Loose): CallRequest {
  const { tls, proxy } = request;
  return {
    method: text(request["method"]),
    url: text(request["url"]),
    headers: readHeaders(request["headers"]),
    body: text(request["body"]),
    ...(typeof proxy === "string" && { proxy }),
    ...(isObject(tls) && { tls: { ca: tls["ca"] === true, certificate: tls["certificate"] === true } }),
  };
}

function readResponse(response: Loose): CallResponse {
  return {
    status: count(response["status"]),
    headers: readHeaders(response["headers"]),
    body: text(response["body"]),
    incomplete: response["incomplete"] === true,
  };
}

function readHeaders(headers: unknown): Header[] {
  if (!Array.isArray(headers)) return [];
  return headers.flatMap((it) => (Array.isArray(it) && it.length === 2 ? [[text(it[0]), text(it[1])] as const] : []));
}

function readTiming(timing: Loose): Timing {
  const at = (name: string) => (typeof timing[name] === "number" ? (timing[name] as number) : undefined);
  const [queue, dns, connect, tls, firstByte] = ["queue_us", "dns_us", "connect_us", "tls_us", "first_byte_us"].map(at);
  return {
    ...(queue !== undefined && { queue }),
    ...(dns !== undefined && { dns }),
    ...(connect !== undefined && { connect }),
    ...(tls !== undefined && { tls }),
    ...(firstByte !== undefined && { firstByte }),
    total: count(timing["total_us"]),
  };
}

/** A header's value, by its name in any case. */
export function headerOf(headers: Header[], name: string): string | undefined {
  return headers.find(([own]) => own.toLowerCase() === name.toLowerCase())?.[1];
}

const bytesOf = (body: string) => new TextEncoder().encode(body).length;

/** Why a body is not shown whole; undefined where it is. */
export function cutOff(body: string, headers: Header[], incomplete = false): string | undefined {
  const shown = bytesOf(body);
  const said = Number(headerOf(headers, "content-length") ?? Number.NaN);
  // What is cut in the middle of a character grows by the mark that stands for it, so near the limit counts as at it.
  if (shown >= BODY_BYTES_MAX) {
    const whole = Number.isFinite(said) && said > BODY_BYTES_MAX ? ` of ${bytes(said)}` : "";
    return `Only the first ${bytes(BODY_BYTES_MAX)}${whole} are kept.`;
  }
  if (incomplete) return "The answer broke off, or was longer than may be read: this is what came.";
  return undefined;
}

/** Bytes as people read them. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} bytes`;
  const kib = count / 1024;
  return kib < 1024 ? `${trimmed(kib)} KiB` : `${trimmed(kib / 1024)} MiB`;
}

const trimmed = (value: number) => String(Math.round(value * 10) / 10);

/** A status with its standard words. */
export function statusText(status: number): string {
  const words = STATUS_WORDS[status];
  return words ? `${status} ${words}` : String(status);
}

const STATUS_WORDS: Record<number, string> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  418: "I'm a teapot",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  423: "Locked",
  425: "Too Early",
  428: "Precondition Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** A command that makes the same call, but for what is redacted: the words that the API has for a step's own call. */
export function curl({ request }: Call): string {
  const quoted = (value: string) => `'${value.replaceAll("'", "'\\''")}'`;
  const parts = [`curl -X ${request.method} ${quoted(request.url)}`];
  for (const [name, value] of request.headers) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (request.body) parts.push(`--data-raw ${quoted(request.body)}`);
  if (request.proxy) parts.push(request.proxy === "direct" ? "--noproxy '*'" : `--proxy ${quoted(request.proxy)}`);
  if (request.tls?.ca) parts.push("--cacert ca.pem");
  if (request.tls?.certificate) parts.push("--cert certificate.pem --key key.pem");
  return parts.join(" ");
}
