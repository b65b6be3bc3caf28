import { concatBytes } from "../../wire/bytes.ts";
import type { ByteSource } from "../http3/byte-source.ts";
import type { ConnectRequest, SessionTraffic } from "../http3/connection.ts";
import { STREAM } from "../http3/frames.ts";
import { encodeVarint } from "../http3/varint.ts";
import type { CloseInfo } from "./capsules.ts";
import { encodeClose, encodeDrain, untilClosed } from "./capsules.ts";

/** A stream that the client opened; one way where there is no `writable`. */
export interface SessionStream {
  readonly source: ByteSource;
  readonly writable: WritableStream<Uint8Array> | undefined;
}

export interface SessionHandlers {
  onStream(stream: SessionStream): void;
  onDatagram(payload: Uint8Array): void;
}

/** Datagrams on their way out, beyond which new ones are dropped: they are worth nothing when they are late. */
const MAX_WAITING_DATAGRAMS = 256;

/** One WebTransport session (draft-ietf-webtrans-http3): what comes, and what can be sent, whatever it means. */
export class WebTransportSession implements SessionTraffic {
  /** Resolves when it is over, whoever ended it. */
  readonly closed: Promise<CloseInfo>;
  readonly #request: ConnectRequest;
  readonly #handlers: SessionHandlers;
  readonly #closed = Promise.withResolvers<CloseInfo>();
  readonly #streamPrefix: Uint8Array;
  readonly #datagramPrefix: Uint8Array;
  #isOver = false;
  #waitingDatagrams = 0;

  constructor(request: ConnectRequest, handlers: SessionHandlers) {
    this.#request = request;
    this.#handlers = handlers;
    this.closed = this.#closed.promise;
    this.#streamPrefix = concatBytes([encodeVarint(STREAM.WEBTRANSPORT), encodeVarint(request.id)]);
    this.#datagramPrefix = encodeVarint(request.id / 4);
    request.connection.addSession(request.id, this);
    untilClosed(request.stream.body).then(
      (info) => this.#onClosed(info),
      () => this.onLost(),
    );
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** How large one datagram may be; it changes with the path. */
  get maxDatagramBytes(): number {
    return this.#request.connection.quic.maxDatagramSize - this.#datagramPrefix.byteLength;
  }

  onBidi(source: ByteSource, writable: WritableStream<Uint8Array>): void {
    if (this.#isOver) source.cancel();
    else this.#handlers.onStream({ source, writable });
  }

  onUni(source: ByteSource): void {
    if (this.#isOver) source.cancel();
    else this.#handlers.onStream({ source, writable: undefined });
  }

  onDatagram(payload: Uint8Array): void {
    if (!this.#isOver) this.#handlers.onDatagram(payload);
  }

  onLost(): void {
    this.#onClosed({ code: 0, reason: "The connection was lost." });
  }

  /** Opens a stream of ours, one way. Resolves when the client allows one more. */
  async openUni(): Promise<WritableStreamDefaultWriter<Uint8Array>> {
    const stream = await this.#request.connection.quic.createUnidirectionalStream({
      waitUntilAvailable: true,
    });
    const writer = stream.getWriter();
    writer.closed.catch(() => {});
    await writer.write(this.#streamPrefix);
    return writer;
  }

  /** Drops what is too large, and what comes faster than it can leave. Gives whether it was sent. */
  sendDatagram(payload: Uint8Array): boolean {
    if (this.#isOver || payload.byteLength > this.maxDatagramBytes) return false;
    if (this.#waitingDatagrams >= MAX_WAITING_DATAGRAMS) return false;
    this.#waitingDatagrams += 1;
    const sent = this.#request.connection.quic.sendDatagram(concatBytes([this.#datagramPrefix, payload]));
    sent.catch(() => {}).finally(() => (this.#waitingDatagrams -= 1));
    return true;
  }

  /** Asks the client to go elsewhere, in its own time. */
  drain(): void {
    if (!this.#isOver) this.#request.stream.write(encodeDrain()).catch(() => {});
  }

  /** Ends the session and leaves its connection to the others on it. */
  close(info: CloseInfo): void {
    if (this.#isOver) return;
    this.#request.stream.write(encodeClose(info)).catch(() => {});
    this.#onClosed(info);
  }

  #onClosed(info: CloseInfo): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#request.connection.removeSession(this.#request.id);
    this.#request.stream.end();
    this.#closed.resolve(info);
  }
}
