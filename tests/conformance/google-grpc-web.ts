import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Metadata, RpcError, Status } from "grpc-web";
import grpcWeb from "grpc-web";
import { XMLHttpRequest } from "xhr2";
import type { Target } from "./door-driver.ts";
import { Received } from "./received-events.ts";

const LOADING = 3;

/** As in a browser, `responseText` grows while the response comes, with an event each time; xhr2 alone fills it in at the end. */
class GrowingXmlHttpRequest extends XMLHttpRequest {
  #text = "";

  override _onHttpResponseData(response: unknown, chunk: Buffer): void {
    this.#text += chunk.toString("latin1");
    this.responseText = this.#text;
    super._onHttpResponseData(response, chunk);
    this._setReadyState(LOADING);
  }
}

// Google's client is made for browsers and looks for this name when it calls.
Object.assign(globalThis, { XMLHttpRequest: GrowingXmlHttpRequest });

/** `text` is `application/grpc-web-text`, in base64, and streams; `binary` is `application/grpc-web+proto`. */
export type GoogleFormat = "text" | "binary";

type Method = DescMethodUnary | DescMethodServerStreaming;

/** Calls with Google's own `grpc-web` client, whose messages can be anybody's. */
export class GoogleClient {
  readonly #target: Target;
  readonly #client: grpcWeb.GrpcWebClientBase;

  constructor(target: Target, format: GoogleFormat) {
    this.#target = target;
    this.#client = new grpcWeb.GrpcWebClientBase({ format });
  }

  async call<M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M["input"]>,
    metadata: Metadata = {},
  ): Promise<MessageShape<M["output"]>> {
    const { url, descriptor } = this.#describe(method, grpcWeb.MethodType.UNARY);
    const message = create(method.input as M["input"], request) as Message;
    return (await this.#client.unaryCall(url, message, this.#withToken(metadata), descriptor)) as never;
  }

  /** Messages as they come; then `next` rejects with the RpcError, or with the Status where that is OK. */
  stream<M extends DescMethodServerStreaming>(
    method: M,
    request: MessageInitShape<M["input"]>,
    metadata: Metadata = {},
  ) {
    const { url, descriptor } = this.#describe(method, grpcWeb.MethodType.SERVER_STREAMING);
    const message = create(method.input as M["input"], request) as Message;
    const stream = this.#client.serverStreaming(url, message, this.#withToken(metadata), descriptor);
    const received = new Received<MessageShape<M["output"]>>();
    stream.on("data", (data) => received.push(data as MessageShape<M["output"]>));
    stream.on("error", (error: RpcError) => received.end(error));
    stream.on("status", (status: Status) => {
      if (status.code === grpcWeb.StatusCode.OK) received.end(new Error("The stream ended well."));
    });
    return { received, cancel: () => stream.cancel() };
  }

  #withToken(metadata: Metadata): Metadata {
    const { token } = this.#target;
    return token === undefined ? metadata : { ...metadata, authorization: `Bearer ${token}` };
  }

  #describe(method: Method, kind: string) {
    const path = `/${method.parent.typeName}/${method.name}`;
    const descriptor = new grpcWeb.MethodDescriptor<Message, Message>(
      path,
      kind,
      Object as never,
      Object as never,
      (message: Message) => toBinary(method.input, message),
      (bytes: Uint8Array) => fromBinary(method.output, bytes),
    );
    return { url: this.#target.url + path, descriptor };
  }
}
