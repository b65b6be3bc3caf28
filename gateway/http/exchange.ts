import type { HeaderList, Origin } from "./headers.ts";

/** A request and the way back to who sent it, the same on every version of HTTP. */
export interface Exchange {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** In lower case, without pseudo headers. */
  readonly headers: HeaderList;
  readonly origin: Origin;
  /** Read once. It ends early where the client leaves, and is empty where the request has no body. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Whether it is known that nothing will come in the body. */
  readonly isBodyless: boolean;
  /** Aborted when the client leaves before it has its answer. */
  readonly signal: AbortSignal;
  /** Sends the head of the answer; with `isLast`, that is all of it. */
  respond(status: number, headers: HeaderList, isLast: boolean): void;
  /** Sends a part of the body. Resolves when the client takes more; rejects where it has left. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the answer. Trailers reach only who has HTTP/2 or HTTP/3. */
  end(trailers?: HeaderList): void;
  /** Ends it in the middle, so that the client cannot take what it has for all of it. */
  cut(): void;
}

export type Handle = (exchange: Exchange) => Promise<void>;
