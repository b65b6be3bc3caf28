import type { Credentials } from "./credentials.ts";
import { EverywireError } from "./error.ts";

export interface HttpRequest {
  readonly method?: "GET" | "POST";
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Requests to the server, in the name of whoever the token says. */
export class Http {
  /** Without a slash at the end. */
  readonly url: string;
  readonly credentials: Credentials;
  readonly #fetch: typeof globalThis.fetch;

  constructor(url: string, credentials: Credentials, fetch: typeof globalThis.fetch | undefined) {
    this.url = url.replace(/\/+$/, "");
    this.credentials = credentials;
    // Called as a function of its own: some runtimes refuse it as a method of something else.
    this.#fetch = fetch ?? ((input, init) => globalThis.fetch(input, init));
  }

  /** An absolute URL; what is undefined is left out of the query. */
  toUrl(path: string, query: HttpRequest["query"] = {}): string {
    const pairs = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
    );
    return `${this.url}${path}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`;
  }

  /**
   * Gives a successful answer. A token that is refused is renewed, and the request sent once more.
   *
   * @throws EverywireError
   */
  async request(path: string, request: HttpRequest = {}): Promise<Response> {
    const token = await this.#token();
    const response = await this.#send(path, request, token);
    if (response.ok) return response;
    const error = await EverywireError.fromResponse(response);
    if (error.code !== "unauthenticated" || !(await this.#renew(token))) throw error;
    const again = await this.#send(path, request, await this.#token());
    if (again.ok) return again;
    throw await EverywireError.fromResponse(again);
  }

  /** The same, for an answer that has to be there in time, read as JSON. @throws EverywireError */
  async json<Body>(path: string, { timeoutMs, ...request }: HttpRequest & { readonly timeoutMs: number }) {
    const cut = new AbortController();
    const timer = setTimeout(() => cut.abort(), timeoutMs);
    const onAbort = () => cut.abort();
    request.signal?.addEventListener("abort", onAbort);
    try {
      const response = await this.request(path, { ...request, signal: cut.signal });
      return (await response.json()) as Body;
    } catch (thrown) {
      throw EverywireError.from(thrown);
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener("abort", onAbort);
    }
  }

  async #send(
    path: string,
    { method = "GET", query, headers, body, signal }: HttpRequest,
    token: string | undefined,
  ): Promise<Response> {
    try {
      return await this.#fetch(this.toUrl(path, query), {
        method,
        headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
        // A reader that is given an old page would wait for ever.
        ...NO_STORE,
      });
    } catch (thrown) {
      throw EverywireError.from(thrown);
    }
  }

  async #token(): Promise<string | undefined> {
    try {
      return await this.credentials.get();
    } catch (thrown) {
      throw EverywireError.from(thrown);
    }
  }

  async #renew(token: string | undefined): Promise<boolean> {
    try {
      return await this.credentials.renew(token);
    } catch (thrown) {
      throw EverywireError.from(thrown);
    }
  }
}

/** Workers refuse to hear of a cache: their `Request` has no `cache`, and nothing is kept between two requests. */
const NO_STORE: RequestInit = "cache" in Request.prototype ? ({ cache: "no-store" } as RequestInit) : {};
