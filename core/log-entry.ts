/** An event from the log: its JSON is complete and ready for any JSON wire. */
export interface StoredEvent {
  readonly sequence: string;
  readonly type: string;
  readonly json: string;
}

/** What a reader must be told that it missed (CONTRACT §1). */
export interface Gap {
  readonly requested: string;
  readonly resumedAt: string;
}

/** A producer that numbers its appends, so that a retry is known for one (Durable Streams `PROTOCOL.md`). */
export interface ProducerStamp {
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
}
