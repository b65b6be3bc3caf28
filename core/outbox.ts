/** What the store of resources could not get rid of: its channel, or the queue, refused it again and again. */
export interface StuckLetter {
  readonly position: number;
  /** Where the event was to go; undefined for a job. */
  readonly channel: string | undefined;
  /** The job's name; undefined for an event. */
  readonly job: string | undefined;
  /** The event's JSON, or the job's body. */
  readonly body: string;
  /** Why it was refused. */
  readonly error: string;
  readonly failedMs: number;
}

/** The dead letters of the store's outbox (see `Records`): what it put aside so that the rest could go on. */
export interface Outbox {
  /** The oldest first, after `position`. */
  listStuck(position: number, limit: number): Promise<readonly StuckLetter[]>;
  getStuck(position: number): Promise<StuckLetter | undefined>;
  /** Puts it back at the end of the outbox. False where there is none. */
  retryStuck(position: number): Promise<boolean>;
  /** False where there is none. */
  deleteStuck(position: number): Promise<boolean>;
}
