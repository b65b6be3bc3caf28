/**
 * Encodes server-sent events (WHATWG HTML, §9.2 "Server-sent events"). Field values here never contain a line break:
 * types and ids are checked on the way in, and JSON text has none.
 */
export interface ServerSentEvent {
  /** What the client sends back as `Last-Event-ID`; left out, its last one stays. */
  readonly id?: string | undefined;
  readonly event: string;
  readonly data: string;
}

export function encodeServerSentEvent({ id, event, data }: ServerSentEvent): string {
  return id === undefined
    ? `event: ${event}\ndata: ${data}\n\n`
    : `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}

/**
 * A block with an id and no data: it sets the client's last event id and dispatches nothing (§9.2.6, "dispatch the
 * event", step 2), so that a client that was cut before its first event resumes from here.
 */
export function encodeLastEventId(id: string): string {
  return `id: ${id}\n\n`;
}

/** How long the client waits before it reconnects. */
export function encodeRetry(delayMs: number): string {
  return `retry: ${delayMs}\n\n`;
}

/** A line that clients ignore; it keeps the connection known to be alive. */
export function encodeComment(text: string): string {
  return `: ${text}\n\n`;
}
