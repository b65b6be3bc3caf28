import { GatewayError } from "../gateway-error.ts";
import type { Handle } from "../http/exchange.ts";
import { refuse } from "../http/forward.ts";
import type { UnderWay } from "../http/under-way.ts";
import type { GatewayLimits } from "../limits.ts";
import { logSparingly } from "../log.ts";
import { decodeFields, FieldsTooLarge, QpackError } from "../qpack/qpack.ts";
import { ByteSource, Truncated } from "./byte-source.ts";
import { ControlStream } from "./control-stream.ts";
import { encodeFrame, encodeSettings, FRAME, HTTP2_FRAMES, STREAM, WEBTRANSPORT_BIDI } from "./frames.ts";
import { HTTP3_CODES, Http3Error } from "./http3-error.ts";
import type { RequestHead } from "./request-head.ts";
import { parseHead } from "./request-head.ts";
import { RequestStream } from "./request-stream.ts";
import { listSettings } from "./settings.ts";
import { decodeVarint, encodeVarint } from "./varint.ts";

/** An extended CONNECT (RFC 9220), and its stream. */
export interface ConnectRequest {
  readonly head: RequestHead;
  readonly stream: RequestStream;
  /** Names the stream, and so the WebTransport session on it. */
  readonly id: number;
  readonly connection: Http3Connection;
}

/** What came for a WebTransport session, which its stream's number names. */
export interface SessionTraffic {
  onBidi(readable: ByteSource, writable: WritableStream<Uint8Array>): void;
  onUni(readable: ByteSource): void;
  onDatagram(payload: Uint8Array): void;
  /** The connection under it is gone. */
  onLost(): void;
}

export interface Http3Options {
  readonly limits: GatewayLimits;
  readonly handle: Handle;
  readonly underWay: UnderWay;
  /** Answers an extended CONNECT; resolves when its stream is over. */
  connect(request: ConnectRequest): Promise<void>;
}

/** Streams may overtake the request for their session (draft-ietf-webtrans-http3 §4.6). */
const SESSION_WAIT_MS = 5000;
const MAX_WAITING_STREAMS = 16;

/** One connection of HTTP/3 (RFC 9114). */
export class Http3Connection {
  readonly quic: Deno.QuicConn;
  readonly #options: Http3Options;
  readonly #remoteAddress: string;
  readonly #streams = new Set<RequestStream>();
  readonly #sessions = new Map<number, SessionTraffic>();
  readonly #waiting = new Map<number, ((session: SessionTraffic | undefined) => void)[]>();
  readonly #control = new ControlStream();
  /** Held: a stream of ours that is not referenced any more would be closed. */
  #ourControl: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #lastStreamId = 0;
  #isClosed = false;

  constructor(quic: Deno.QuicConn, options: Http3Options) {
    this.quic = quic;
    this.#options = options;
    this.#remoteAddress = quic.remoteAddr.hostname;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Resolves when the connection is over. */
  async run(): Promise<void> {
    const closed = this.quic.closed.then(
      () => {},
      () => {},
    );
    this.#start().catch((thrown: unknown) => this.fail(toHttp3Error(thrown)));
    await closed;
    this.#isClosed = true;
    for (const stream of this.#streams) stream.leave();
    for (const session of this.#sessions.values()) session.onLost();
    for (const resolves of this.#waiting.values()) for (const resolve of resolves) resolve(undefined);
  }

  /** Ends the connection, and says why. */
  fail(error: Http3Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.quic.close({ closeCode: error.code, reason: error.message });
  }

  /** Takes no more requests (RFC 9114 §5.2). */
  async goAway(): Promise<void> {
    const next = encodeVarint(this.#lastStreamId + 4);
    await this.#ourControl?.write(encodeFrame(FRAME.GOAWAY, next)).catch(() => {});
  }

  close(): void {
    this.fail(new Http3Error("H3_NO_ERROR", "The gateway stops."));
  }

  /** From here on, what is for the session is given to it. */
  addSession(id: number, session: SessionTraffic): void {
    this.#sessions.set(id, session);
    for (const resolve of this.#waiting.get(id) ?? []) resolve(session);
    this.#waiting.delete(id);
  }

  removeSession(id: number): void {
    this.#sessions.delete(id);
  }

  async #start(): Promise<void> {
    const { limits } = this.#options;
    this.#ourControl = (await this.quic.createUnidirectionalStream()).getWriter();
    await this.#ourControl.write(encodeVarint(STREAM.CONTROL));
    await this.#ourControl.write(encodeSettings(listSettings(limits)));
    await Promise.all([this.#acceptBidi(), this.#acceptUni(), this.#receiveDatagrams()]);
  }

  async #acceptBidi(): Promise<void> {
    for await (const { readable, writable } of this.quic.incomingBidirectionalStreams) {
      const id = Number(readable.id);
      this.#lastStreamId = Math.max(this.#lastStreamId, id);
      this.#onBidi(new ByteSource(readable), writable, id).catch((thrown: unknown) => this.#onFault(thrown));
    }
  }

  async #acceptUni(): Promise<void> {
    for await (const readable of this.quic.incomingUnidirectionalStreams) {
      this.#onUni(new ByteSource(readable)).catch((thrown: unknown) => this.#onFault(thrown));
    }
  }

  async #receiveDatagrams(): Promise<void> {
    for (;;) {
      const datagram = await this.quic.readDatagram();
      if (datagram.byteLength === 0)
        throw new Http3Error("H3_GENERAL_PROTOCOL_ERROR", "A datagram names no stream.");
      const { value, length } = decodeVarint(datagram);
      this.#sessions.get(value * 4)?.onDatagram(datagram.subarray(length));
    }
  }

  #onFault(thrown: unknown): void {
    if (thrown instanceof Http3Error) this.fail(thrown);
    // Anything else is a stream that was reset, or whose connection is gone.
  }

  async #onUni(source: ByteSource): Promise<void> {
    const type = await source.varint();
    switch (type) {
      case STREAM.CONTROL:
        return this.#control.read(source);
      case STREAM.ENCODER:
      case STREAM.DECODER:
        return this.#control.readQpack(source, type);
      case STREAM.PUSH:
        throw new Http3Error("H3_STREAM_CREATION_ERROR", "A client pushes nothing.");
      case STREAM.WEBTRANSPORT: {
        const session = await this.#sessionOf(await source.varint());
        if (session === undefined) source.cancel();
        else session.onUni(source);
        return;
      }
      default:
        source.cancel();
    }
  }

  async #onBidi(source: ByteSource, writable: WritableStream<Uint8Array>, id: number): Promise<void> {
    let type = await source.varint();
    if (type === WEBTRANSPORT_BIDI) {
      const session = await this.#sessionOf(await source.varint());
      if (session !== undefined) return session.onBidi(source, writable);
      source.cancel();
      await writable.abort();
      return;
    }
    for (; type !== undefined && type !== FRAME.HEADERS; type = await source.varint()) {
      const isMisplaced = type === FRAME.DATA || type === FRAME.SETTINGS || type === FRAME.GOAWAY;
      if (isMisplaced || HTTP2_FRAMES.has(type)) {
        throw new Http3Error("H3_FRAME_UNEXPECTED", "A request begins with its header fields.");
      }
      await source.skip((await source.varint()) ?? 0);
    }
    if (type === undefined) return;
    await this.#onRequest(source, writable, id);
  }

  async #onRequest(source: ByteSource, writable: WritableStream<Uint8Array>, id: number): Promise<void> {
    const { limits, handle, underWay, connect } = this.#options;
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    const fail = (error: Http3Error) => this.fail(error);
    let head: RequestHead;
    try {
      head = await this.#readHead(source, limits.MAX_HEADER_BYTES);
    } catch (thrown) {
      if (thrown instanceof Http3Error) throw thrown;
      const answer = new RequestStream(placeholder(this.#remoteAddress), source, writer, fail);
      return refuse(answer, GatewayError.from(thrown));
    }
    const stream = new RequestStream(head, source, writer, fail);
    this.#streams.add(stream);
    const handleOne: Handle =
      head.method === "CONNECT" ? () => connect({ head, stream, id, connection: this }) : handle;
    underWay.run((exchange) => handleOne(exchange).finally(() => this.#streams.delete(stream)), stream);
  }

  /** @throws Http3Error, GatewayError */
  async #readHead(source: ByteSource, maxBytes: number): Promise<RequestHead> {
    const length = (await source.varint()) ?? 0;
    // Compressed, so it is larger when it is read: what is too large so far will not be smaller.
    if (length > maxBytes)
      throw new GatewayError("invalid_argument", "The header fields are too large.", { status: 431 });
    const section = await source.bytes(length).catch((thrown: unknown) => {
      throw thrown instanceof Truncated ? new Http3Error("H3_FRAME_ERROR", "A frame is cut short.") : thrown;
    });
    try {
      return parseHead(decodeFields(section, maxBytes), this.#remoteAddress);
    } catch (thrown) {
      if (thrown instanceof QpackError) throw new Http3Error("QPACK_DECOMPRESSION_FAILED", thrown.message);
      if (thrown instanceof FieldsTooLarge)
        throw new GatewayError("invalid_argument", thrown.message, { status: 431 });
      throw thrown;
    }
  }

  #sessionOf(id: number | undefined): Promise<SessionTraffic | undefined> | SessionTraffic | undefined {
    if (id === undefined) return undefined;
    const session = this.#sessions.get(id);
    if (session !== undefined) return session;
    // Its request may be still on the way; one that was there and is over will not come.
    if (id <= this.#lastStreamId && ![...this.#streams].length) return undefined;
    const waiting = this.#waiting.get(id) ?? [];
    if (
      waiting.length >= MAX_WAITING_STREAMS ||
      this.#waiting.size >= this.#options.limits.MAX_CONNECTION_SESSIONS
    ) {
      return undefined;
    }
    this.#waiting.set(id, waiting);
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(undefined), SESSION_WAIT_MS);
      const settle = (found: SessionTraffic | undefined) => {
        clearTimeout(timer);
        resolve(found);
      };
      waiting.push(settle);
    });
  }
}

function placeholder(remoteAddress: string): RequestHead {
  const origin = { remoteAddress, authority: "", scheme: "https", version: "3" } as const;
  return { method: "GET", path: "/", protocol: undefined, headers: [], origin };
}

function toHttp3Error(thrown: unknown): Http3Error {
  if (thrown instanceof Http3Error) return thrown;
  // A connection that is gone fails in many ways; what is left is told to nobody.
  const isGone =
    thrown instanceof Error && /closed|lost|reset|timed out|stopped|interrupted/i.test(thrown.message);
  if (!isGone) logSparingly("fault on a connection of HTTP/3", { why: thrown });
  return new Http3Error("H3_INTERNAL_ERROR", `Error ${HTTP3_CODES.H3_INTERNAL_ERROR}.`);
}
