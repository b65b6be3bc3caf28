/** What every client here offers, so that `run.ts` and the tests can run any of them. */
export interface Client {
  /** Publishes one event of the type `note`. Rejects where it was not taken. */
  publish?: Publish;
  /** Gives every event behind `after`, in order and once, however often the connection is cut. */
  read: Read;
  /** The same on one connection, as the protocol or its library has it, without what is written here to go on after a cut. */
  open?: Read;
}

export type Publish = (url: string, channel: string, data: unknown) => Promise<void>;
export type Read = (url: string, channel: string, after: string, onEvent: OnEvent) => Promise<void>;
export type OnEvent = (event: Event) => void;

/** A CloudEvent, as far as these clients look at it. */
export interface Event {
  readonly type: string;
  /** The cursor; left out of what is not stored, as presence is not. */
  readonly sequence?: string;
  readonly data?: unknown;
}
