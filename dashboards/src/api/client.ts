// One way to the server: same origin, JSON, RFC 9457 problems become `Refusal`, writes carry the session's CSRF token.
import type { Problem } from "./types";

const BASE = "/api/v1";
let csrf = "";
let language = "vi";
let onSignedOut: () => void = () => {};

export function setCsrf(token: string) {
  csrf = token;
}
export function setWireLanguage(tag: string) {
  language = tag;
}
/** Called when an answer says that the session has ended. */
export function whenSignedOut(run: () => void) {
  onSignedOut = run;
}

export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
  get status() {
    return this.problem.status;
  }
}

/** No answer at all: the server is away or the network is cut. */
export class Unreachable extends Error {}

const KEEPALIVE_LIMIT = 8_000; // browsers refuse more than 64 kB of such bodies together

type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;
type Options = { query?: Query; body?: unknown; revision?: number; signal?: AbortSignal | undefined };

export function address(path: string, query: Query = {}) {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const one of value) words.append(key, one);
    else if (value !== undefined && value !== null && value !== "") words.set(key, String(value));
  }
  const text = words.toString();
  return BASE + path + (text ? `?${text}` : "");
}

async function refusal(answer: Response): Promise<Refusal> {
  const plain = { title: answer.statusText || String(answer.status), status: answer.status };
  try {
    const body: unknown = await answer.json();
    if (body && typeof body === "object" && "title" in body) return new Refusal({ ...plain, ...body } as Problem);
  } catch {
    // An answer of something between us and the server (a proxy): the status says enough.
  }
  return new Refusal(plain);
}

export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": language };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.revision !== undefined) headers["If-Match"] = `"${options.revision}"`;
  const body = options.body === undefined ? null : JSON.stringify(options.body);
  let answer: Response;
  try {
    answer = await fetch(address(path, options.query), {
      method,
      headers,
      credentials: "same-origin",
      body,
      // What the screen already shows as done reaches the server even when the tab is closed at once.
      keepalive: method !== "GET" && (body?.length ?? 0) < KEEPALIVE_LIMIT,
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable("unreachable");
  }
  if (!answer.ok) {
    const found = await refusal(answer);
    if (found.status === 401 && !path.startsWith("/session") && path !== "/public") onSignedOut();
    throw found;
  }
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) =>
  call<T>("GET", path, { ...(query ? { query } : {}), signal });
export const post = <T>(path: string, body?: unknown, revision?: number) =>
  call<T>("POST", path, { body: body ?? {}, ...(revision === undefined ? {} : { revision }) });
