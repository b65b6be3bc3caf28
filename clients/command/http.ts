import { EverywireError, parseError } from "../typescript/error.ts";
import type { Target } from "./target.ts";

export interface HttpRequest {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal | undefined;
}

/** Headers that say who one is. */
export function authorize({ token }: Target): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** The address of a path, in http or ws. */
export function toAddress(target: Target, path: string, query: HttpRequest["query"] = {}): string {
  const url = new URL(`${target.url}${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

/**
 * Sends a request, and gives an answer that says yes.
 *
 * @throws EverywireError what the server told, or `unavailable` where nothing answers
 */
export async function request(target: Target, path: string, options: HttpRequest = {}): Promise<Response> {
  const { method = "GET", query, headers, body, signal } = options;
  const address = toAddress(target, path, query);
  const response = await fetch(address, {
    method,
    headers: { ...authorize(target), ...headers },
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((thrown: unknown) => {
    throw signal?.aborted ? thrown : unreachable(target, thrown);
  });
  if (response.ok) return response;
  throw await toRefusal(response);
}

/** What a response that says no says. */
async function toRefusal(response: Response): Promise<EverywireError> {
  const text = await response.text();
  const retryAfterSeconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return new EverywireError(
      "internal",
      `It answered ${response.status}, not as Everywire does: ${text.slice(0, 200)}`,
    );
  }
  const told = parseError((body as { readonly error?: unknown } | null)?.error);
  if (told === undefined)
    return new EverywireError("internal", `It answered ${response.status}: ${text.slice(0, 200)}`);
  if (Number.isNaN(retryAfterSeconds)) return told;
  const { code, message, details } = told;
  return new EverywireError(code, message, { details, isTold: true, retryAfterMs: retryAfterSeconds * 1000 });
}

/** Nothing answers there: says where, and what to do about it. */
export function unreachable({ url }: Target, cause: unknown): EverywireError {
  const said = (cause ?? {}) as { readonly cause?: { readonly code?: string }; readonly code?: string };
  const code = said.cause?.code ?? said.code;
  const why = code === undefined ? "" : ` (${code})`;
  return new EverywireError(
    "unavailable",
    `Nothing answers at ${url}${why}. 'npx everywire serve' starts a server there.`,
    {
      cause,
    },
  );
}
