import { signal } from "@preact/signals";
import { refuse } from "../shell/session.ts";

/** A call that was refused, or that nobody answered. The message is made to be shown. */
export class CallError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  /** Nobody answered: the service is down, or the network is. */
  get isUnreachable() {
    return this.status === 0;
  }
}

/** Whether the last call was answered at all. */
export const reachable = signal(true);

export type Query = Record<string, string | number | undefined>;

interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

/** The address of an operation, below the page's own. */
export function address(path: string, query: Query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `api/${path}${text && `?${text}`}`;
}

/** Asks, and resolves with the answer as it came; refusals are errors. */
export async function request(method: string, path: string, { query, body, signal }: Options = {}): Promise<Response> {
  const headers: Record<string, string> = {};
  if (method !== "GET") headers["X-Hubwire-Console"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
      cache: "no-store",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    reachable.value = false;
    throw new CallError(0, "unreachable", `Nobody answers at ${location.host}: the service is stopped, or the network is down.`);
  }
  reachable.value = true;
  if (response.ok) return response;
  const error = await refusal(response);
  refuse(error);
  throw error;
}

export async function call<Value>(method: string, path: string, options?: Options): Promise<Value> {
  const response = await request(method, path, options);
  return response.status === 204 ? (undefined as Value) : ((await response.json()) as Value);
}

export const get = <Value>(path: string, query?: Query, signal?: AbortSignal) =>
  call<Value>("GET", path, { ...(query && { query }), ...(signal && { signal }) });

/** Segments of a path, each escaped. */
export const path = (...segments: string[]) => segments.map(encodeURIComponent).join("/");

async function refusal(response: Response) {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return new CallError(response.status, error.code, error.message);
  } catch {
    return new CallError(response.status, "unknown", `The service answered ${response.status} ${response.statusText}`.trim() + ".");
  }
}

/** What went wrong, in words. */
export const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));
