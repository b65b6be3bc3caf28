import type { ChannelName } from "../core/channel-name.ts";
import { EverywireError } from "../core/error.ts";
import type { AppendRequest } from "../core/ports.ts";
import type { Failure } from "../core/result.ts";

/** What a channel says to one request of a batch: receipts as text (`wire/rpc-text.ts`), or why there are none. */
export type AppendOutcome = string | Failure;

/** Hands a channel several requests at once; gives an outcome for each, in order. */
export type SendAppends<R = AppendRequest, O = AppendOutcome> = (
  channel: ChannelName,
  requests: readonly R[],
) => Promise<readonly O[]>;

/** How much of a call a request takes. */
export interface AppendSize {
  readonly events: number;
  readonly chars: number;
}

/** As much as one call carries: about the limits of a batch that a client may send. */
const MAX_BATCH_EVENTS = 100;
const MAX_BATCH_CHARS = 1024 * 1024;

/**
 * A call that is under way for so long has died with its request: the runtime ended it before it could go on. Above what
 * the slowest append takes, so that a second one takes over only after a fault.
 */
const LOST_MS = 10_000;

/** How many calls one request makes for others: a request may make so many, and may live on for so long, and no more. */
const MAX_CALLS = 32;

/** How a request goes on beside others. */
export interface Turns {
  /** Keeps the request alive that is running, until the promise settles. */
  waitUntil(promise: Promise<unknown>): void;
  /** Resolves when the requests that have come have had their turn. */
  yieldTurn(): Promise<void>;
}

interface Waiting<R, O> extends AppendSize {
  readonly request: R;
  readonly resolve: (outcome: O) => void;
  readonly reject: (thrown: unknown) => void;
}

/** A request that sends what waits, its own first, and then what came meanwhile. */
interface Carrier<R, O> {
  /** When the call under way began. */
  sinceMs: number;
  /** What goes with it. */
  batch: readonly Waiting<R, O>[];
  calls: number;
}

/** The appends to one channel that are not answered. */
interface Line<R, O> {
  /** Whether one is under way that nobody waits for. */
  hasLone: boolean;
  carrier: Carrier<R, O> | undefined;
  /** What the carrier sends next. */
  waiting: Waiting<R, O>[];
}

/**
 * Group commit. While an append to a channel is under way, those that come after it wait, and then go together: one
 * call and one transaction for all of them, where each would have cost its own.
 *
 * Nobody waits for company, and who is alone pays nothing: an append that finds none under way is sent at once. One that
 * finds one becomes the carrier: it is sent at once too, and from then on sends all that come meanwhile, call after call,
 * since a request may use only connections of its own. So one in many is kept alive past its answer, and the others
 * wait for nothing but their outcome; whoever of them leaves holds up nobody.
 *
 * Appends that come while another is not answered have no order among them: who wants one waits for the answer.
 */
export class AppendBatches<R, O> {
  readonly #send: SendAppends<R, O>;
  readonly #turns: Turns;
  readonly #measure: (request: R) => AppendSize;
  readonly #lines = new Map<ChannelName, Line<R, O>>();

  constructor(send: SendAppends<R, O>, turns: Turns, measure: (request: R) => AppendSize) {
    this.#send = send;
    this.#turns = turns;
    this.#measure = measure;
  }

  /** Rejects where the channel could not be asked. */
  append(channel: ChannelName, request: R): Promise<O> {
    const line = this.#lines.get(channel);
    if (line === undefined) return this.#sendAlone(channel, request);
    const { promise, resolve, reject } = Promise.withResolvers<O>();
    line.waiting.push({ request, ...this.#measure(request), resolve, reject });
    const { carrier } = line;
    if (carrier === undefined || carrier.calls >= MAX_CALLS || isLost(carrier)) {
      this.#turns.waitUntil(this.#carry(channel, line));
    }
    return promise;
  }

  /** Where its client leaves, this ends in the middle: then nothing of what follows the `await` is run. */
  async #sendAlone(channel: ChannelName, request: R): Promise<O> {
    const line: Line<R, O> = { hasLone: true, carrier: undefined, waiting: [] };
    this.#lines.set(channel, line);
    try {
      const [outcome] = await this.#send(channel, [request]);
      return assertAnswered(outcome);
    } finally {
      line.hasLone = false;
      this.#dropIdle(channel, line);
    }
  }

  /** Sends what waits until nothing does, or another carrier has taken over. It never rejects. */
  async #carry(channel: ChannelName, line: Line<R, O>): Promise<void> {
    const carrier: Carrier<R, O> = { sinceMs: Date.now(), batch: [], calls: 0 };
    line.carrier = carrier;
    while (line.waiting.length > 0) {
      await this.#gather(line);
      if (line.carrier !== carrier) return;
      const batch = line.waiting.splice(0, countFitting(line.waiting));
      carrier.batch = batch;
      carrier.sinceMs = Date.now();
      carrier.calls += 1;
      try {
        const outcomes = await this.#send(
          channel,
          batch.map(({ request }) => request),
        );
        for (const [index, { resolve }] of batch.entries()) resolve(assertAnswered(outcomes[index]));
      } catch (thrown) {
        for (const { reject } of batch) reject(thrown);
      }
    }
    if (line.carrier !== carrier) return;
    line.carrier = undefined;
    // A lone append whose client has left stays in the line for good, so it goes with the carrier that it brought about.
    line.hasLone = false;
    this.#dropIdle(channel, line);
  }

  /** Lets in what has arrived already, for as long as each turn brings more: without it 32 writers were 5 to a call. */
  async #gather({ waiting }: Line<R, O>): Promise<void> {
    for (let before = 0; waiting.length > before && waiting.length < MAX_BATCH_EVENTS; ) {
      before = waiting.length;
      await this.#turns.yieldTurn();
    }
  }

  #dropIdle(channel: ChannelName, line: Line<R, O>): void {
    const isIdle = !line.hasLone && line.carrier === undefined;
    if (isIdle && this.#lines.get(channel) === line) this.#lines.delete(channel);
  }
}

/** How much of a call a publish takes. */
export function sizeOfAppend({ events }: AppendRequest): AppendSize {
  let chars = 0;
  for (const { json } of events) chars += json.length;
  return { events: events.length, chars };
}

/** Whether it died with its request; then whoever went with its call is told so. */
function isLost<R, O>({ sinceMs, batch }: Carrier<R, O>): boolean {
  if (Date.now() - sinceMs <= LOST_MS) return false;
  const thrown = new EverywireError("unavailable", "The append was cut off; whether it happened is unknown.");
  for (const { reject } of batch) reject(thrown);
  return true;
}

/** How many of those that wait go in one call; one at least. */
function countFitting(waiting: readonly AppendSize[]): number {
  let events = 0;
  let chars = 0;
  const tooMuch = waiting.findIndex((size, index) => {
    events += size.events;
    chars += size.chars;
    return index > 0 && (events > MAX_BATCH_EVENTS || chars > MAX_BATCH_CHARS);
  });
  return tooMuch === -1 ? waiting.length : tooMuch;
}

function assertAnswered<O>(outcome: O | undefined): O {
  if (outcome === undefined) throw new Error("The channel answered fewer appends than it was given.");
  return outcome;
}
