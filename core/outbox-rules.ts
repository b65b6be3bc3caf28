/** Half of the smallest limit on a batch, so that what one write may put in always goes out. */
const MAX_BATCH_CHARACTERS = 256 * 1024;
export const MAX_OUTBOX_BATCH = 50;
const FIRST_RETRY_MS = 1000;
export const MAX_RETRY_MS = 60_000;

/** How long a write waits for its events to arrive. They arrive in any case; this is for readers of their own write. */
export const DRAIN_WAIT_MS = 2000;
/** When somebody looks after a write whose isolate died before its events were sent. */
export const RESCUE_MS = 3000;

/** The rows that go together: at least one, and no more than a batch may weigh. Pure. */
export function takeBatch<Row extends { readonly json: string }>(rows: readonly Row[]): readonly Row[] {
  let characters = 0;
  const end = rows.findIndex((row, index) => {
    characters += row.json.length;
    return index >= MAX_OUTBOX_BATCH || (index > 0 && characters > MAX_BATCH_CHARACTERS);
  });
  return end === -1 ? rows : rows.slice(0, end);
}

/** How long to wait before the next try: doubled each time, a minute at most. Pure. */
export function retryDelayMs(attempts: number): number {
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 16));
}
