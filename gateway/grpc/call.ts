import type { ClientRequest, IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";
import { GatewayError } from "../gateway-error.ts";
import type { Exchange } from "../http/exchange.ts";
import { answerOf, send } from "../http/forward.ts";
import type { HeaderList } from "../http/headers.ts";
import { findHeader, fromRawHeaders, toRecord, toWorkerHeaders } from "../http/headers.ts";
import { logSparingly } from "../log.ts";
import type { Worker } from "../worker/worker.ts";
import { abandon, toGatewayError } from "../worker/worker.ts";
import { FrameSplitter } from "./frame-splitter.ts";
import { toGrpcHeaders } from "./metadata.ts";
import { parseTimeout, readRefusal } from "./status.ts";

const GRPC = /^application\/grpc(?=$|[+;])/;
/** The Worker ends a call at its deadline; one that does not is ended here, a little later. */
const DEADLINE_GRACE_MS = 1000;

export function isGrpc({ headers }: Exchange): boolean {
  return GRPC.test(findHeader(headers, "content-type") ?? "");
}

/**
 * One gRPC call, of any of the four kinds, as gRPC-Web towards the Worker (grpc/grpc PROTOCOL-WEB.md). Messages pass
 * byte for byte: only the trailers, which HTTP/1.1 has none of here, come as a last frame and go as trailers.
 */
export async function grpcCall(exchange: Exchange, worker: Worker): Promise<void> {
  const contentType = findHeader(exchange.headers, "content-type") ?? "application/grpc";
  const answer = new GrpcAnswer(exchange, contentType);
  let request: ClientRequest | undefined;
  const leave = () => {
    if (request !== undefined) abandon(request);
  };
  exchange.signal.addEventListener("abort", leave, { once: true });
  const timeoutMs = parseTimeout(findHeader(exchange.headers, "grpc-timeout"));
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          answer.fail(new GatewayError("deadline_exceeded", "The deadline has passed."));
          leave();
        }, timeoutMs + DEADLINE_GRACE_MS);
  try {
    request = worker.open({ method: "POST", path: exchange.path, headers: toWebHeaders(exchange, worker) });
    const answered = answerOf(request);
    const sent = send(exchange, request);
    sent.catch(() => {});
    await relay(answer, await answered);
    // It may answer before it has all messages; those that still come are of no use to anybody.
    if (!request.writableFinished) leave();
  } catch (thrown) {
    leave();
    if (!exchange.signal.aborted) answer.fail(toGatewayError(thrown));
  } finally {
    clearTimeout(timer);
    exchange.signal.removeEventListener("abort", leave);
  }
}

function toWebHeaders(exchange: Exchange, worker: Worker): Record<string, string | string[]> {
  const headers = toRecord(toWorkerHeaders(exchange.headers, exchange.origin, worker.isNear));
  const contentType = String(headers["content-type"]).replace(GRPC, "application/grpc-web");
  headers["content-type"] =
    contentType === "application/grpc-web" ? "application/grpc-web+proto" : contentType;
  headers["x-grpc-web"] = "1";
  delete headers["content-length"];
  return headers;
}

async function relay(answer: GrpcAnswer, response: IncomingMessage): Promise<void> {
  const headers = fromRawHeaders(response.rawHeaders);
  // The whole answer in the headers ("Trailers-Only").
  if (findHeader(headers, "grpc-status") !== undefined) {
    response.resume();
    return answer.finish(toGrpcHeaders(headers));
  }
  if (response.statusCode !== 200) return answer.finish(await readRefusal(response));
  answer.begin(toGrpcHeaders(headers));
  const frames = new FrameSplitter();
  for await (const chunk of response) {
    for (const part of frames.push(chunk as Uint8Array)) await answer.write(part);
  }
  const { trailers } = frames;
  if (trailers === undefined) throw new Error("There were no trailers.");
  answer.finish(parseTrailers(trailers));
}

/** `name: value` lines (PROTOCOL-WEB.md, "Message framing"), compressed like a message where they are long. */
function parseTrailers({ bytes, isCompressed }: NonNullable<FrameSplitter["trailers"]>): HeaderList {
  const text = new TextDecoder().decode(isCompressed ? gunzipSync(bytes) : bytes);
  return text.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) return [];
    return [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as [string, string]];
  });
}

/** The answer to a call: headers once, messages, and a status at the end, whatever happened on the way. */
class GrpcAnswer {
  readonly #exchange: Exchange;
  readonly #contentType: string;
  #state: "new" | "begun" | "ended" = "new";

  constructor(exchange: Exchange, contentType: string) {
    this.#exchange = exchange;
    this.#contentType = contentType;
  }

  begin(headers: HeaderList): void {
    if (this.#state !== "new") return;
    this.#state = "begun";
    this.#exchange.respond(200, [["content-type", this.#contentType], ...headers], false);
  }

  async write(part: Uint8Array): Promise<void> {
    if (this.#state === "begun") await this.#exchange.write(part);
  }

  finish(trailers: HeaderList): void {
    const before = this.#state;
    this.#state = "ended";
    if (before === "begun") this.#exchange.end(trailers);
    else if (before === "new")
      this.#exchange.respond(200, [["content-type", this.#contentType], ...trailers], true);
  }

  fail(error: GatewayError): void {
    if (error.code === "internal")
      logSparingly("fault", { path: this.#exchange.path, why: error.cause ?? error });
    this.finish([
      ["grpc-status", String(error.grpcStatus)],
      ["grpc-message", encodeURIComponent(error.message)],
    ]);
  }
}
