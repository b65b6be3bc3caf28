import type { ExecutionArgs, FormattedExecutionResult, GraphQLError } from "graphql";
import type { Context, ServerOptions, SubscribePayload } from "graphql-ws";
import { makeServer } from "graphql-ws";
import { ERROR_TABLE, EverywireError } from "../../core/error.ts";
import type { Identity } from "../../core/identity.ts";
import type { ServerSocket, SocketOpening } from "../../core/ports.ts";
import type { Edge } from "../boundary/edge.ts";
import { createOperationContext, takeRequest } from "../boundary/edge.ts";
import { createGraphqlContext } from "./context.ts";
import type { AnyResult } from "./encode.ts";
import { encodeResult, toClientError, withoutStatuses } from "./encode.ts";
import { getGraphqlServer, logFault } from "./server.ts";
import { SocketWriter } from "./socket-writer.ts";

export const GRAPHQL_SUBPROTOCOL = "graphql-transport-ws";

/** How long an answer to a ping waits for operations to begin, so that a slow one does not make us look dead. */
const MAX_PONG_DELAY_MS = 5000;
/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** An operation, and the functions that run it with its context. */
interface SocketOperation extends ExecutionArgs {
  readonly run: (args: ExecutionArgs) => unknown;
}

/** Serves graphql-transport-ws (graphql-ws `PROTOCOL.md`) on a socket that was accepted. */
export function serveGraphqlSocket(edge: Edge, socket: ServerSocket, opening: SocketOpening): void {
  new GraphqlConnection(edge, socket, opening).serve();
}

/**
 * One connection. What is beyond the protocol, and allowed by it: the server pings, to see that the client keeps up; and
 * a `pong` of ours comes after all operations that were sent before its `ping` have begun, so a client that has to know
 * that its subscription is live pings.
 */
class GraphqlConnection {
  readonly #edge: Edge;
  readonly #socket: ServerSocket;
  readonly #opening: SocketOpening;
  readonly #writer: SocketWriter;
  readonly #starting = new Map<string, PromiseWithResolvers<void>>();
  #identity: Identity;
  #expiry: ReturnType<typeof setTimeout> | undefined;

  constructor(edge: Edge, socket: ServerSocket, opening: SocketOpening) {
    this.#edge = edge;
    this.#socket = socket;
    this.#opening = opening;
    this.#identity = opening.identity;
    this.#writer = new SocketWriter(socket, edge.settings.limits);
  }

  serve(): void {
    const { MAX_REQUEST_BYTES } = this.#edge.settings.limits;
    let onMessage: (data: string) => Promise<void> = async () => {};
    const closed = makeServer<Record<string, unknown>>(this.#options()).opened(
      {
        protocol: this.#opening.subprotocol ?? "",
        send: (data) => this.#writer.send(data),
        close: (code, reason) => this.#close(code ?? 1000, reason ?? ""),
        onMessage: (listener) => {
          onMessage = listener;
        },
        onPong: (payload) => this.#writer.onPong(payload),
      },
      {},
    );
    this.#socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") this.#close(4400, "Messages are text.");
      else if (data.length > MAX_REQUEST_BYTES)
        this.#fail(new EverywireError("payload_too_large", "Too large a message."));
      else onMessage(data).catch((thrown) => this.#fail(EverywireError.from(thrown)));
    });
    let isOver = false;
    const onEnd = (code: number, reason: string) => {
      if (isOver) return;
      isOver = true;
      this.#stop();
      closed(code, reason).catch(logFault);
    };
    this.#socket.addEventListener("close", ({ code, reason }) => {
      onEnd(code, reason);
      // Without arguments: 1005, 1006 and 1015 must not be sent back (RFC 6455 §7.4.1).
      this.#close();
    });
    this.#socket.addEventListener("error", () => onEnd(1006, ""));
    this.#watchExpiry();
  }

  #options(): ServerOptions<Record<string, unknown>, unknown> {
    return {
      onConnect: ({ connectionParams }) => this.#onConnect(connectionParams),
      onPing: () => this.#onPing(),
      onSubscribe: (context, id, payload) => this.#onSubscribe(context, id, payload),
      onOperation: (_context, id) => this.#onStarted(id),
      onError: (_context, id) => this.#onStarted(id),
      onComplete: (_context, id) => this.#onStarted(id),
      // What cannot run is an error of the operation and not of the connection.
      execute: (args) => (args as SocketOperation).run(args) as never,
      subscribe: (args) => (args as SocketOperation).run(args) as never,
      onNext: (_context, _id, _payload, _args, result) =>
        encode(result as AnyResult) as FormattedExecutionResult,
    };
  }

  /** A token may come here too, since a browser cannot set headers; one that came before is kept where none does. */
  async #onConnect(parameters: Readonly<Record<string, unknown>> | undefined): Promise<boolean> {
    const token = findToken(parameters);
    if (token === undefined) return true;
    try {
      this.#identity = await this.#edge.ports.tokens.verify(token);
    } catch (thrown) {
      this.#fail(EverywireError.from(thrown));
      return new Promise(() => {});
    }
    this.#watchExpiry();
    return true;
  }

  async #onPing(): Promise<void> {
    if (this.#starting.size === 0) return;
    const delay = Promise.withResolvers<void>();
    const timer = setTimeout(delay.resolve, MAX_PONG_DELAY_MS);
    await Promise.race([
      Promise.all([...this.#starting.values()].map(({ promise }) => promise)),
      delay.promise,
    ]);
    clearTimeout(timer);
  }

  async #onSubscribe(
    context: Context<Record<string, unknown>, unknown>,
    id: string,
    payload: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    this.#starting.set(id, Promise.withResolvers<void>());
    try {
      await this.#assertWithinRates(Object.keys(context.subscriptions).length);
      return await this.#prepare(payload);
    } catch (thrown) {
      return encode({ errors: [toClientError(thrown, logFault)] }).errors ?? [];
    }
  }

  async #prepare(payload: SubscribePayload): Promise<SocketOperation | readonly GraphQLError[]> {
    const operation = createOperationContext(this.#edge, this.#identity);
    const serverContext = {
      ...createGraphqlContext(operation, this.#opening.requestId, () =>
        takeRequest(this.#edge, this.#identity),
      ),
      params: payload,
    };
    const { schema, execute, subscribe, contextFactory, parse, validate } =
      getGraphqlServer().getEnveloped(serverContext);
    const document = parse(payload.query);
    const errors: readonly GraphQLError[] = validate(schema, document);
    if (errors.length > 0) return encode({ errors }).errors ?? [];
    return {
      schema,
      document,
      operationName: payload.operationName,
      variableValues: payload.variables,
      contextValue: await contextFactory(),
      run: (args) => (isSubscription(args) ? subscribe(args) : execute(args)),
    };
  }

  #onStarted(id: string): void {
    this.#starting.get(id)?.resolve();
    this.#starting.delete(id);
  }

  /** Each operation counts as a request does. @throws EverywireError `rate_limited` */
  #assertWithinRates(running: number): Promise<void> | undefined {
    const { limits } = this.#edge.settings;
    if (running > limits.MAX_SOCKET_SUBSCRIPTIONS) {
      throw new EverywireError(
        "rate_limited",
        `At most ${limits.MAX_SOCKET_SUBSCRIPTIONS} operations at once.`,
      );
    }
    return takeRequest(this.#edge, this.#identity);
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    const endsAtMs = this.#identity.kind === "user" ? this.#identity.expiresAtMs : undefined;
    if (endsAtMs === undefined || endsAtMs - Date.now() > MAX_TIMER_MS) return;
    const expired = new EverywireError("unauthenticated", "The token has expired.");
    this.#expiry = setTimeout(() => this.#fail(expired), Math.max(0, endsAtMs - Date.now()));
  }

  #fail(error: EverywireError): void {
    if (error.code === "internal") logFault(error.cause ?? error);
    this.#close(ERROR_TABLE[error.code].webSocketClose, error.message);
  }

  #close(code?: number, reason?: string): void {
    this.#stop();
    try {
      this.#socket.close(code, reason);
    } catch {
      // It was closed by the other end first.
    }
  }

  #stop(): void {
    clearTimeout(this.#expiry);
    this.#writer.stop();
    for (const { resolve } of this.#starting.values()) resolve();
    this.#starting.clear();
  }
}

function encode<R extends AnyResult>(result: R): R {
  return withoutStatuses(encodeResult(result, logFault));
}

/** `{authorization: "Bearer ..."}`, or `{token}` or `{access_token}`. */
function findToken(parameters: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const header = parameters?.authorization ?? parameters?.Authorization;
  if (typeof header === "string") return header.replace(/^Bearer +/i, "").trim();
  const token = parameters?.token ?? parameters?.access_token;
  return typeof token === "string" ? token : undefined;
}

function isSubscription({ document, operationName }: ExecutionArgs): boolean {
  return document.definitions.some(
    (definition) =>
      definition.kind === "OperationDefinition" &&
      definition.operation === "subscription" &&
      (operationName == null || definition.name?.value === operationName),
  );
}
