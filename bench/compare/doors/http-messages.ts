/** A message of HTTP/1.1 that is whole. */
export interface HttpMessage {
  /** The first line and the fields. */
  readonly head: string;
  /** As latin1 text: one character a byte. */
  readonly body: string;
}

/** Cuts what comes on a connection into messages of HTTP/1.1, by their length or their chunks (RFC 9112 §6). */
export class HttpMessages {
  readonly #onMessage: (message: HttpMessage) => void;
  #text = "";
  /** How many characters the message needs that has begun; undefined while that is not known. */
  #needed: number | undefined;

  constructor(onMessage: (message: HttpMessage) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    this.#text += chunk.toString("latin1");
    while (this.#takeOne()) {
      // Until what is left is no whole message.
    }
  }

  #takeOne(): boolean {
    if (this.#needed !== undefined && this.#text.length < this.#needed) return false;
    const headEnd = this.#text.indexOf("\r\n\r\n");
    if (headEnd === -1) return false;
    const head = this.#text.slice(0, headEnd + 2);
    const bodyAt = headEnd + 4;
    let end: number;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) end = bodyAt + Number(length);
    else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      const last = this.#text.indexOf("\r\n0\r\n\r\n", bodyAt - 2);
      if (last === -1) return false;
      end = last + 7;
    } else end = bodyAt;
    this.#needed = end;
    if (this.#text.length < end) return false;
    const body = this.#text.slice(bodyAt, end);
    this.#text = this.#text.slice(end);
    this.#needed = undefined;
    this.#onMessage({ head, body });
    return true;
  }
}

/** The status of an answer. */
export function statusOf({ head }: HttpMessage): number {
  return Number(head.slice(9, 12));
}
