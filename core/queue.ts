/** What is to be done after a write, by the Worker itself: its name says which operation, `body` is that one's JSON. */
export interface QueuedJob {
  readonly name: JobName;
  readonly body: string;
  /** Whole seconds until it is due. */
  readonly delaySeconds: number;
  /** The same job sent twice under one id is done once, as far as the queue remembers. */
  readonly deduplicationId: string;
}

export type JobName = "advance-order";

/** Queued delivery (CONTRACT §5): what was sent is delivered at least once, also when everything is killed meanwhile. */
export interface Queue {
  /**
   * Sends a job to the Worker itself. When this resolves the queue has it, durably.
   *
   * @throws EverywireError `unavailable` where no queue is set up, or it does not answer
   */
  sendJob(job: QueuedJob): Promise<void>;
}
