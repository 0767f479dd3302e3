// The one way to the server: typed by its OpenAPI document, with errors as one kind of value.
import createClient from "openapi-fetch";
import { ROOT } from "./root";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** What the API says when it refuses something, or that it could not be reached. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** The HTTP status; 0 where there was no answer. */
    readonly status: number,
    /** Stable, for programs: `stage_in_use`. */
    readonly code: string,
    message: string,
    /** The whole body: `errors`, `problems`, `stranded`. */
    readonly body: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** Whether the same may well succeed a moment later. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** Errors of fields, by the fields' names, as the Tasks API says them. */
  get fields(): Record<string, string[]> {
    const { errors } = this.body;
    return errors && typeof errors === "object" && !Array.isArray(errors)
      ? (errors as Record<string, string[]>)
      : {};
  }

  /** Every sentence that is said, the message alone where there is nothing else. */
  get sentences(): string[] {
    const { errors } = this.body;
    if (Array.isArray(errors)) return errors.map(String);
    const fields = Object.entries(this.fields).flatMap(([field, said]) => said.map((it) => `${field} ${it}`));
    return fields.length > 0 ? fields : [this.message];
  }
}

/** What an answer that is no 2xx says. Proxies in between answer in their own words. */
export function apiError(status: number, body: unknown): ApiError {
  if (body && typeof body === "object" && "code" in body && "message" in body) {
    return new ApiError(status, String(body.code), String(body.message), body as Record<string, unknown>);
  }
  // What stands before the server says that it is away.
  if (status >= 502 && status <= 504) return new ApiError(status, "unreachable", "The server cannot be reached at the moment.");
  return new ApiError(status, "unreadable_answer", `The server answered ${status} without saying why.`);
}

function unreachable(): ApiError {
  return new ApiError(0, "unreachable", "The server cannot be reached. Is it running, and are you online?");
}

type Listener = () => void;
const signedOut = new Set<Listener>();

/** Calls `listener` whenever the server no longer knows who asks. Returns how to stop that. */
export function onSignedOut(listener: Listener): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

export const client = createClient<paths>({ baseUrl: ROOT, credentials: "same-origin" });

client.use({
  onResponse({ response }) {
    if (response.status === 401) signedOut.forEach((listener) => listener());
  },
  onError() {
    return unreachable();
  },
});

interface Answered<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body; anything but 2xx is thrown as an `ApiError`. */
export async function answer<T>(asked: Promise<Answered<T>>): Promise<T> {
  return (await whole(asked)).data;
}

/** The answer's body with its head, where that says something, too. */
export async function whole<T>(asked: Promise<Answered<T>>): Promise<{ data: T; headers: Headers }> {
  const { data, error, response } = await asked;
  if (!response.ok) throw apiError(response.status, error);
  return { data: data as T, headers: response.headers };
}
