import type { ChannelName } from "../core/channel-name.ts";
import { EverywireError } from "../core/error.ts";
import type { AppendRequest } from "../core/ports.ts";
import type { Failure } from "../core/result.ts";

/** What a channel says to one request of a batch: receipts as text (`wire/rpc-text.ts`), or why there are none. */
export type AppendOutcome = string | Failure;

/** Hands a channel several requests at once; gives an outcome for each, in order. */
export type SendAppends = (
  channel: ChannelName,
  requests: readonly AppendRequest[],
) => Promise<readonly AppendOutcome[]>;

/** As much as one call carries: about the limits of a batch that a client may send. */
const MAX_BATCH_EVENTS = 100;
const MAX_BATCH_CHARS = 1024 * 1024;

/**
 * An append that is under way for so long has died with its request: the runtime ended it before it could pass its turn
 * on. Above what the slowest append takes, so that two are under way at once only after a fault.
 */
const TURN_MS = 10_000;

interface Waiting {
  readonly request: AppendRequest;
  /** Wakes the request: to send what waits, itself first; or because another has sent it. */
  readonly wake: (turn: Turn) => void;
}

type Turn =
  | { readonly kind: "send"; readonly waiting: Waiting[] }
  | { readonly kind: "sent"; readonly outcome: AppendOutcome }
  | { readonly kind: "failed"; readonly thrown: unknown };

/** An append under way. */
interface UnderWay {
  readonly sinceMs: number;
  /** What goes with it. */
  readonly batch: readonly Waiting[];
  /** What waits for its end. */
  readonly waiting: Waiting[];
}

/**
 * Group commit. While an append to a channel is under way, those that come after it wait, and then go together: one
 * call and one transaction for all of them, where each would have cost its own. Nobody waits for company: an append
 * that finds none under way is sent at once.
 *
 * A batch is sent by the first request in it, since a request may use only connections of its own.
 */
export class AppendBatches {
  readonly #send: SendAppends;
  readonly #waitUntil: (promise: Promise<unknown>) => void;
  readonly #underWay = new Map<ChannelName, UnderWay>();

  /** @param waitUntil keeps the request alive that is running, until the promise settles */
  constructor(send: SendAppends, waitUntil: (promise: Promise<unknown>) => void) {
    this.#send = send;
    this.#waitUntil = waitUntil;
  }

  /** Rejects where the channel could not be asked. */
  async append(channel: ChannelName, request: AppendRequest): Promise<AppendOutcome> {
    const underWay = this.#underWay.get(channel);
    const appended =
      underWay === undefined || isLost(underWay)
        ? this.#lead(channel, request, underWay?.waiting ?? [])
        : this.#follow(channel, request, underWay.waiting);
    // Others wait for this request's turn to end, so it must outlive a client that leaves.
    this.#waitUntil(appended.catch(() => undefined));
    return appended;
  }

  #follow(channel: ChannelName, request: AppendRequest, waiting: Waiting[]): Promise<AppendOutcome> {
    const { promise, resolve } = Promise.withResolvers<Turn>();
    waiting.push({ request, wake: resolve });
    return promise.then((turn) => {
      switch (turn.kind) {
        case "sent":
          return turn.outcome;
        case "failed":
          throw turn.thrown;
        case "send":
          return this.#lead(channel, request, turn.waiting);
      }
    });
  }

  /** Sends a request, with as many of those that wait as fit; the others wait for its end. */
  async #lead(channel: ChannelName, request: AppendRequest, waiting: Waiting[]): Promise<AppendOutcome> {
    const batch = waiting.splice(0, countFitting(request, waiting));
    const own: UnderWay = { sinceMs: Date.now(), batch, waiting };
    this.#underWay.set(channel, own);
    try {
      const outcomes = await this.#send(channel, [request, ...batch.map((one) => one.request)]);
      batch.forEach(({ wake }, index) => {
        wake({ kind: "sent", outcome: assertAnswered(outcomes[index + 1]) });
      });
      return assertAnswered(outcomes[0]);
    } catch (thrown) {
      for (const { wake } of batch) wake({ kind: "failed", thrown });
      throw thrown;
    } finally {
      // Where this took too long, another has taken over already, and those that wait with it.
      if (this.#underWay.get(channel) === own) this.#passOn(channel, waiting);
    }
  }

  #passOn(channel: ChannelName, waiting: Waiting[]): void {
    const next = waiting.shift();
    if (next === undefined) this.#underWay.delete(channel);
    else next.wake({ kind: "send", waiting });
  }
}

/** Whether it died with its request; then whoever went with it is told so. */
function isLost({ sinceMs, batch }: UnderWay): boolean {
  if (Date.now() - sinceMs <= TURN_MS) return false;
  const thrown = new EverywireError("unavailable", "The append was cut off; whether it happened is unknown.");
  for (const { wake } of batch) wake({ kind: "failed", thrown });
  return true;
}

/** How many go along with a request. */
function countFitting(request: AppendRequest, others: readonly Waiting[]): number {
  let events = 0;
  let chars = 0;
  const add = (one: AppendRequest) => {
    events += one.events.length;
    for (const { json } of one.events) chars += json.length;
    return events > MAX_BATCH_EVENTS || chars > MAX_BATCH_CHARS;
  };
  if (add(request)) return 0;
  const tooMuch = others.findIndex((other) => add(other.request));
  return tooMuch === -1 ? others.length : tooMuch;
}

function assertAnswered(outcome: AppendOutcome | undefined): AppendOutcome {
  if (outcome === undefined) throw new Error("The channel answered fewer appends than it was given.");
  return outcome;
}
