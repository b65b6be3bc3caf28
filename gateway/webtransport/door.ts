import { GatewayError } from "../gateway-error.ts";
import { refuse } from "../http/forward.ts";
import { findHeader } from "../http/headers.ts";
import type { ConnectRequest, Http3Connection } from "../http3/connection.ts";
import type { GatewayLimits } from "../limits.ts";
import { logSparingly } from "../log.ts";
import type { Worker } from "../worker/worker.ts";
import { toGatewayError } from "../worker/worker.ts";
import { Datagrams } from "./datagrams.ts";
import { jsonFormat } from "./json-format.ts";
import type { MessageFormat } from "./message-format.ts";
import { msgpackFormat } from "./msgpack-format.ts";
import { Operations } from "./operations.ts";
import { protobufFormat } from "./protobuf-format.ts";
import { WebTransportSession } from "./session.ts";
import { SessionContext } from "./session-context.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { Caller } from "./worker-lines.ts";
import { WorkerLines } from "./worker-lines.ts";

const PATH = "/wt";
const FORMATS: readonly MessageFormat[] = [jsonFormat, msgpackFormat, protobufFormat];
const GOING_AWAY = { code: 1001, reason: "The gateway stops." };

export interface WebTransportOptions {
  readonly worker: Worker;
  readonly limits: GatewayLimits;
  /** Origins whose pages may open sessions, beside those of loopback addresses; `*` is all. */
  readonly origins: readonly string[];
}

/** WebTransport at `/wt`: who may open a session, and what is spoken on it. */
export class WebTransportDoor {
  readonly #options: WebTransportOptions;
  readonly #sessions = new Set<WebTransportSession>();
  readonly #byConnection = new WeakMap<Http3Connection, number>();

  constructor(options: WebTransportOptions) {
    this.#options = options;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Resolves when the session is over. */
  async accept(request: ConnectRequest): Promise<void> {
    const { connection, stream } = request;
    const count = this.#byConnection.get(connection) ?? 0;
    this.#byConnection.set(connection, count + 1);
    try {
      const max = this.#options.limits.MAX_CONNECTION_SESSIONS;
      if (count >= max) throw new GatewayError("rate_limited", `One connection has at most ${max} sessions.`);
      const caller = this.#identify(request);
      const format = chooseFormat(request);
      // The Worker knows whose the token is; a session that it would answer nothing to is not opened.
      const probe = await WorkerLines.open(this.#options.worker, caller);
      if (stream.signal.aborted) return probe.close();
      probe.close();
      await this.#run(request, format, caller);
    } catch (thrown) {
      if (!stream.signal.aborted) refuse(stream, toGatewayError(thrown));
    } finally {
      this.#byConnection.set(connection, (this.#byConnection.get(connection) ?? 1) - 1);
    }
  }

  /** Asks every client to go, and after a while ends what is left. */
  async stop(graceMs: number): Promise<void> {
    for (const session of this.#sessions) session.drain();
    const all = Promise.all([...this.#sessions].map((session) => session.closed));
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, graceMs))]);
    for (const session of this.#sessions) session.close(GOING_AWAY);
  }

  /** @throws GatewayError */
  #identify({ head }: ConnectRequest): Caller {
    const url = new URL(head.path, "https://gateway.invalid");
    if (url.pathname !== PATH) throw new GatewayError("not_found", `WebTransport is at ${PATH}.`);
    const origin = findHeader(head.headers, "origin");
    if (origin !== undefined && !this.#isAllowed(origin)) {
      throw new GatewayError("permission_denied", "Pages of this origin may not open sessions.");
    }
    const authorization = findHeader(head.headers, "authorization");
    const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
    if (authorization !== undefined && bearer === undefined) {
      throw new GatewayError("unauthenticated", "Authorization must be 'Bearer {token}'.");
    }
    return { token: bearer ?? url.searchParams.get("access_token") ?? undefined, origin: head.origin };
  }

  #isAllowed(origin: string): boolean {
    if (this.#options.origins.includes("*") || this.#options.origins.includes(origin)) return true;
    return URL.canParse(origin) && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(new URL(origin).hostname);
  }

  async #run(request: ConnectRequest, format: MessageFormat, caller: Caller): Promise<void> {
    const { worker, limits } = this.#options;
    const { stream } = request;
    const offered = findHeader(request.head.headers, "wt-available-protocols") !== undefined;
    stream.respond(
      200,
      [
        // What browsers of draft 02 look for.
        ["sec-webtransport-http3-draft", "draft02"],
        ...(offered ? [["wt-protocol", `"${format.name}"`] as [string, string]] : []),
      ],
      false,
    );
    const running = new Set<Operations>();
    const session = new WebTransportSession(request, {
      onStream: (opened) => {
        if (running.size >= limits.MAX_SESSION_STREAMS) {
          opened.source.cancel();
          opened.writable?.abort().catch(() => {});
          return;
        }
        const operations = new Operations(context, subscriptions, opened);
        running.add(operations);
        operations
          .run()
          .catch(() => {})
          .finally(() => running.delete(operations));
      },
      onDatagram: (payload) => datagrams.onDatagram(payload),
    });
    const context = new SessionContext(session, format, limits, worker, caller);
    const subscriptions = new Subscriptions(context);
    const datagrams = new Datagrams(context);
    this.#sessions.add(session);
    const { code, reason } = await session.closed;
    this.#sessions.delete(session);
    for (const operations of running) operations.end();
    subscriptions.end();
    datagrams.end();
    if (code !== 0) logSparingly("a session ended", { code, reason, dropped: datagrams.dropped });
  }
}

/** The first that the client offers and we have (draft-ietf-webtrans-http3 §3.3); JSON where it offers none. @throws GatewayError */
function chooseFormat({ head }: ConnectRequest): MessageFormat {
  const offered = findHeader(head.headers, "wt-available-protocols");
  if (offered === undefined) return jsonFormat;
  for (const [, name] of offered.matchAll(/"((?:[^"\\]|\\.)*)"/g)) {
    const format = FORMATS.find((one) => one.name === name);
    if (format !== undefined) return format;
  }
  throw new GatewayError(
    "invalid_argument",
    `The subprotocols are ${FORMATS.map(({ name }) => name).join(", ")}.`,
  );
}
