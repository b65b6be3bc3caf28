import type { DescMethodUnary, DescService, Message, MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter, ContextValues, HandlerContext } from "@connectrpc/connect";
import { createMethodSerializationLookup } from "@connectrpc/connect/protocol";
import { prepareHeaders } from "../boundary/response-headers.ts";
import type { Settled } from "./call.ts";
import { CALL_KEY } from "./call.ts";

type Implementation = (request: Message, context: HandlerContext) => unknown;

/** A unary method of a service, called without the Connect library. */
export interface UnaryMethod {
  readonly method: DescMethodUnary;
  readonly implementation: Implementation;
  readonly serialization: ReturnType<typeof createMethodSerializationLookup>;
}

/** What came of it: an answer, or what the library has to tell, since it is no plain success. */
export type UnaryOutcome =
  | { readonly kind: "answer"; readonly response: Response }
  | { readonly kind: "settled"; readonly settled: Settled };

type JsonOptions = Parameters<typeof createMethodSerializationLookup>[2];

/** The boundary has held the body to its limit already. */
const NO_LIMITS = { readMaxBytes: Number.MAX_SAFE_INTEGER, writeMaxBytes: Number.MAX_SAFE_INTEGER };

/** The unary methods of services, by path, taken from the very routes that the library is given. */
export class UnaryMethods {
  readonly #methods = new Map<string, UnaryMethod>();
  readonly #jsonOptions: JsonOptions;

  /** @param jsonOptions those of the library */
  constructor(jsonOptions: JsonOptions) {
    this.#jsonOptions = jsonOptions;
  }

  find(path: string): UnaryMethod | undefined {
    return this.#methods.get(path);
  }

  /** Stands for a router, and notes what it is told of services. A method that is routed alone is the library's. */
  watch(router: ConnectRouter): ConnectRouter {
    const watched: ConnectRouter = {
      get handlers() {
        return router.handlers;
      },
      service: (service, implementations, options) => {
        const known = this.#note(service, implementations as Readonly<Record<string, unknown>>);
        router.service(service, known as typeof implementations, options);
        return watched;
      },
      rpc: (method, implementation, options) => {
        router.rpc(method, implementation, options);
        return watched;
      },
    };
    return watched;
  }

  /** Notes the unary methods, and gives all methods as the library is to call them. */
  #note(service: DescService, implementations: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const known: Record<string, unknown> = {};
    for (const method of service.methods) {
      const given = implementations[method.localName];
      if (typeof given !== "function") continue;
      const implementation = given.bind(implementations) as Implementation;
      known[method.localName] = implementation;
      if (method.methodKind !== "unary") continue;
      known[method.localName] = once(implementation);
      this.#methods.set(`/${service.typeName}/${method.name}`, {
        method: method as DescMethodUnary,
        implementation,
        serialization: createMethodSerializationLookup(method, undefined, this.#jsonOptions, NO_LIMITS),
      });
    }
    return known;
  }
}

/** The library is told what has become of a call already, as if the method did it now. */
function once(implementation: Implementation): Implementation {
  return (request, context) => {
    const settled = context.values.get(CALL_KEY)?.settled;
    if (settled === undefined) return implementation(request, context);
    for (const [name, value] of settled.header ?? []) context.responseHeader.set(name, value);
    for (const [name, value] of settled.trailer ?? []) context.responseTrailer.set(name, value);
    if (settled.kind === "failed") throw settled.thrown;
    return settled.message;
  };
}

/** The forms of one message in, one message out, by content type. */
const FORMS: Readonly<Record<string, Form | undefined>> = {
  "application/json": createForm("application/json", { isBinary: false, isEnveloped: false }),
  "application/proto": createForm("application/proto", { isBinary: true, isEnveloped: false }),
  "application/grpc-web": createForm("application/grpc-web+proto", { isBinary: true, isEnveloped: true }),
  "application/grpc-web+proto": createForm("application/grpc-web+proto", {
    isBinary: true,
    isEnveloped: true,
  }),
};

function createForm(contentType: string, form: Omit<Form, "headers">): Form {
  const headers = { "content-type": contentType, "cache-control": "no-store, no-transform" };
  return { ...form, headers: prepareHeaders(headers) };
}

interface Form {
  readonly isBinary: boolean;
  readonly isEnveloped: boolean;
  /** Of the answer. */
  readonly headers: Headers;
}

/** What says that a call has a deadline, and that its message is compressed, by Connect and by gRPC-Web. */
const CONNECT_HEADERS = ["connect-timeout-ms", "content-encoding"] as const;
const GRPC_WEB_HEADERS = ["grpc-timeout", "grpc-encoding"] as const;
const GZIP = /(?:^|,)\s*gzip\s*(?:,|$)/;
const ENVELOPE_HEADER_BYTES = 5;
const TRAILER_FLAG = 0x80;
const OK_TRAILER = new TextEncoder().encode("grpc-status: 0\r\n");

/**
 * Answers the plain call, which is nearly every one: a POST with one message, by Connect or gRPC-Web, without a deadline
 * and uncompressed, that succeeds. The library's general way (pipelines of async iterables, linked abort controllers)
 * costs as much again as everything else that such a call does. Whatever is not plain is the library's to answer:
 * undefined, where nothing was done yet; `settled`, where the method was called already and must not be again.
 *
 * @param compressMinBytes an answer from this size on may have to be compressed
 */
export async function callUnary(
  request: Request,
  body: Uint8Array,
  unary: UnaryMethod,
  values: ContextValues,
  compressMinBytes: number,
): Promise<UnaryOutcome | undefined> {
  const { headers } = request;
  const form = FORMS[headers.get("content-type") ?? ""];
  if (form === undefined || request.method !== "POST") return undefined;
  const [deadline, coding] = form.isEnveloped ? GRPC_WEB_HEADERS : CONNECT_HEADERS;
  if (headers.has(deadline) || (headers.get(coding) ?? "identity") !== "identity") return undefined;
  const input = parseInput(unary, form, body);
  if (input === undefined) return undefined;
  const context = new PlainContext(request, unary.method, form, values);
  let output: Message;
  try {
    const init = await unary.implementation(input, context);
    output = create(unary.method.output, init as MessageInitShape<DescMethodUnary["output"]>);
  } catch (thrown) {
    return { kind: "settled", settled: { kind: "failed", thrown, ...context.touched } };
  }
  const bytes = serialize(unary, form, output);
  if (bytes === undefined || context.isTouched || bytes.byteLength >= compressMinBytes) {
    return { kind: "settled", settled: { kind: "done", message: output, ...context.touched } };
  }
  const answer = form.isEnveloped ? encodeEnveloped(bytes) : bytes;
  const response = new Response(answer as BodyInit, { headers: form.headers });
  // Says that messages may be compressed. Whether one is, is in its envelope: this one is not.
  if (form.isEnveloped && GZIP.test(headers.get("grpc-accept-encoding") ?? "")) {
    response.headers.set("grpc-encoding", "gzip");
  }
  return { kind: "answer", response };
}

/** Undefined for what the library has to refuse. */
function parseInput({ serialization }: UnaryMethod, form: Form, body: Uint8Array): Message | undefined {
  let message = body;
  if (form.isEnveloped) {
    if (body.byteLength < ENVELOPE_HEADER_BYTES || body[0] !== 0) return undefined;
    const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
    if (length !== body.byteLength - ENVELOPE_HEADER_BYTES) return undefined;
    message = body.subarray(ENVELOPE_HEADER_BYTES);
  }
  try {
    return serialization.getI(form.isBinary).parse(message);
  } catch {
    return undefined;
  }
}

/** Undefined for what the library has to refuse. */
function serialize({ serialization }: UnaryMethod, form: Form, output: Message): Uint8Array | undefined {
  try {
    return serialization.getO(form.isBinary).serialize(output);
  } catch {
    return undefined;
  }
}

/** A message and the trailers of a success, as gRPC-Web has them in its body (PROTOCOL-WEB.md). */
function encodeEnveloped(message: Uint8Array): Uint8Array {
  const trailerStart = ENVELOPE_HEADER_BYTES + message.byteLength;
  const bytes = new Uint8Array(trailerStart + ENVELOPE_HEADER_BYTES + OK_TRAILER.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(1, message.byteLength);
  bytes.set(message, ENVELOPE_HEADER_BYTES);
  bytes[trailerStart] = TRAILER_FLAG;
  view.setUint32(trailerStart + 1, OK_TRAILER.byteLength);
  bytes.set(OK_TRAILER, trailerStart + ENVELOPE_HEADER_BYTES);
  return bytes;
}

/** What a method may ask of its call; most ask for nothing, so what has to be made is made when it is asked for. */
class PlainContext implements HandlerContext {
  readonly #request: Request;
  readonly #form: Form;
  readonly method: DescMethodUnary;
  readonly values: ContextValues;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #signal: AbortSignal | undefined;

  constructor(request: Request, method: DescMethodUnary, form: Form, values: ContextValues) {
    this.#request = request;
    this.method = method;
    this.#form = form;
    this.values = values;
  }

  get service(): DescService {
    return this.method.parent;
  }

  get signal(): AbortSignal {
    this.#signal ??= new AbortController().signal;
    return this.#signal;
  }

  timeoutMs = (): undefined => undefined;

  get requestMethod(): string {
    return this.#request.method;
  }

  get requestHeader(): Headers {
    return this.#request.headers;
  }

  get url(): string {
    return this.#request.url;
  }

  get protocolName(): string {
    return this.#form.isEnveloped ? "grpc-web" : "connect";
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  get isTouched(): boolean {
    return this.#responseHeader !== undefined || this.#responseTrailer !== undefined;
  }

  get touched(): { readonly header: Headers | undefined; readonly trailer: Headers | undefined } {
    return { header: this.#responseHeader, trailer: this.#responseTrailer };
  }
}
