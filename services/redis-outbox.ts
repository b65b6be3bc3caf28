import type { ChannelName } from "../core/channel-name.ts";
import { DRAIN_WAIT_MS, RESCUE_MS, retryDelayMs, takeBatch } from "../core/outbox-rules.ts";
import type { Channels, EncodedEvent } from "../core/ports.ts";
import type { Queue, QueuedJob } from "../core/queue.ts";
import type { OutboxEvent } from "../core/records.ts";
import type { RedisClient, Reply } from "./redis-client.ts";
import { toList, toText } from "./redis-client.ts";
import { CARRIED_SCRIPT, DUE_SCRIPT, FAILED_SCRIPT, REMOVE_SCRIPT } from "./redis-outbox-scripts.ts";

/** What waits in one lane, as texts: see {@link toLanes}. */
export interface Lane {
  readonly lane: string;
  readonly entries: readonly string[];
}

/** What a write put into a lane, as the script tells it. */
export interface Pushed {
  readonly lane: string;
  /** The number of its last entry. */
  readonly last: number;
  /** How many entries were there before. */
  readonly before: number;
}

export interface OutboxPorts {
  readonly channels: Pick<Channels, "append">;
  /** Where it cannot take jobs, because none is set up or it does not answer, they wait. */
  readonly queue: Pick<Queue, "sendJob">;
  /** Keeps the isolate alive for something that no request waits for. */
  readonly waitUntil: (work: Promise<void>) => void;
}

/** An entry with its number, as it is in the list. */
interface Item {
  readonly text: string;
  readonly number: number;
  readonly json: string;
}

const JOBS_LANE = "jobs";
const CHANNEL_LANE = "c:";
const MAX_LANES_AT_ONCE = 20;
/** How long a lane that was given to one rescuer is given to no other. */
const RESCUE_LEASE_MS = 10_000;
/** Batches that one request carries of others: beyond it, whoever comes next goes on. */
const MAX_ROUNDS = 100;
const RETRY_STEPS = [1, 2, 3, 4, 5, 6, 7];

/** Events and jobs by the lane that they go to, in order. */
export function toLanes(events: readonly OutboxEvent[], jobs: readonly QueuedJob[]): readonly Lane[] {
  const lanes = new Map<string, string[]>();
  // The long text is not put into JSON once more: it would be a list of backslashes by the time it is sent.
  const add = (lane: string, head: readonly unknown[], text: string) => {
    const entries = lanes.get(lane) ?? [];
    entries.push(`${JSON.stringify(head)}\n${text}`);
    lanes.set(lane, entries);
  };
  for (const { channel, type, json, dedupeKey } of events) {
    // Everything may be sent twice, so everything needs something that it is known by.
    add(`${CHANNEL_LANE}${channel}`, [type, dedupeKey ?? `outbox\n${crypto.randomUUID()}`], json);
  }
  for (const { name, body, delaySeconds, deduplicationId } of jobs) {
    add(JOBS_LANE, [name, delaySeconds, deduplicationId], body);
  }
  return Array.from(lanes, ([lane, entries]) => ({ lane, entries }));
}

/**
 * Carries what writes have to tell from Redis to the channels and the queue.
 *
 * Why nothing is lost: an entry is put in by the script that writes the record, and taken out only after the channel
 * said that it has it. A request that dies in between leaves it there, and the next write to that lane, the first
 * request of another isolate or the cron trigger carries it.
 *
 * Why order holds and nothing doubles, though any number of isolates carry one lane at once and none of them holds a
 * lock: what is carried is always the front of the lane, so whatever was put in before an event is either in the same
 * batch before it, or was taken out, which is after the channel had it. So when an event enters the channel for the
 * first time, all before it are there. Batches that overlap repeat events, and the channel knows an event that it has
 * by its id, and keeps it once, where it first was. That holds for the channel's dedupe window (`DEDUPE_WINDOW_SECONDS`):
 * an isolate that took a batch, slept for longer than that, and then appended it would double it, which is why a batch
 * is appended in the same breath as it is read. Entries are taken out by their number and not by how many, so that a
 * slow isolate cannot take out what another one has put in meanwhile.
 */
export class RedisOutbox {
  readonly #ports: OutboxPorts;
  readonly #carried: (...args: readonly string[]) => Promise<Reply>;
  readonly #removed: (...args: readonly string[]) => Promise<Reply>;
  readonly #failed: (...args: readonly string[]) => Promise<Reply>;
  readonly #due: (...args: readonly string[]) => Promise<Reply>;
  #hasLooked = false;

  constructor(redis: RedisClient, ports: OutboxPorts) {
    this.#ports = ports;
    this.#carried = redis.script(CARRIED_SCRIPT);
    this.#removed = redis.script(REMOVE_SCRIPT);
    this.#failed = redis.script(FAILED_SCRIPT);
    this.#due = redis.script(DUE_SCRIPT);
  }

  /** Looks after what a crash left behind, once in the life of an isolate; nobody waits for it. */
  lookOnce(): void {
    if (this.#hasLooked) return;
    this.#hasLooked = true;
    this.#ports.waitUntil(this.rescue());
  }

  /**
   * Carries what a write has put in, and resolves when it arrived, or failed, or took too long: it arrives in any case.
   * Never rejects.
   */
  async deliver(pushed: readonly Pushed[], lanes: readonly Lane[], hasLate: boolean): Promise<void> {
    if (hasLate) this.#ports.waitUntil(this.rescue());
    const own = new Map(lanes.map(({ lane, entries }) => [lane, entries]));
    const work = Promise.all(
      pushed.map(({ lane, last, before }) =>
        // Where nothing was in front of it, what is in the lane up to here is known without asking.
        before === 0 ? this.#carryOwn(lane, last, own.get(lane) ?? []) : this.#carryUpTo(lane, last),
      ),
    ).then(() => {});
    this.#ports.waitUntil(work);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_WAIT_MS);
    });
    await Promise.race([work, deadline]);
    clearTimeout(timer);
  }

  /** Carries lanes that nobody has looked after for seconds. Never rejects. */
  async rescue(): Promise<void> {
    try {
      const nowMs = Date.now();
      const lanes = toList(
        await this.#due(String(nowMs), String(nowMs + RESCUE_LEASE_MS), String(MAX_LANES_AT_ONCE)),
      );
      await Promise.all(lanes.map((lane) => this.#carryUpTo(toText(lane), Number.POSITIVE_INFINITY)));
    } catch (thrown) {
      console.error("outbox: could not look for what was left behind", thrown);
    }
  }

  async #carryOwn(lane: string, last: number, entries: readonly string[]): Promise<void> {
    let number = last - entries.length;
    const items = entries.map((json) => {
      number += 1;
      return { number, json, text: `${number} ${json}` };
    });
    try {
      await this.#send(lane, items);
      // What the channel has need not be waited for to be taken out: sent again, it would be known.
      if (lane !== JOBS_LANE) this.#ports.waitUntil(this.#takeOut(lane, last));
    } catch (thrown) {
      await this.#onFailure(lane, thrown);
    }
  }

  async #takeOut(lane: string, last: number): Promise<void> {
    try {
      await this.#carried(lane, String(last), String(Date.now() + RESCUE_MS));
    } catch (thrown) {
      console.error(`outbox: '${lane}' keeps what it has sent`, thrown);
    }
  }

  /** Carries a lane from its front until an entry has arrived, or nothing is left. */
  async #carryUpTo(lane: string, last: number): Promise<void> {
    try {
      let done = 0;
      for (let round = 0; round < MAX_ROUNDS && done < last; round += 1) {
        const reply = await this.#carried(lane, String(done), String(Date.now() + RESCUE_MS));
        const batch = takeBatch(toList(reply).map((item) => parseItem(toText(item))));
        const end = batch.at(-1);
        if (end === undefined) return;
        await this.#send(lane, batch);
        // Jobs are taken out one by one, as each is sent.
        done = lane === JOBS_LANE ? 0 : end.number;
        if (lane === JOBS_LANE && end.number >= last) return;
      }
      if (done > 0) this.#ports.waitUntil(this.#takeOut(lane, done));
    } catch (thrown) {
      await this.#onFailure(lane, thrown);
    }
  }

  async #send(lane: string, items: readonly Item[]): Promise<void> {
    if (lane === JOBS_LANE) return this.#sendJobs(items);
    const channel = lane.slice(CHANNEL_LANE.length) as ChannelName;
    for (let rest = items; rest.length > 0; ) {
      const batch = takeBatch(rest);
      await this.#ports.channels.append(channel, { events: batch.map(toEvent), rateKey: undefined });
      rest = rest.slice(batch.length);
    }
  }

  /** Jobs need no order: one that the queue refuses holds up no other. @throws where one was not sent */
  async #sendJobs(items: readonly Item[]): Promise<void> {
    const { queue } = this.#ports;
    const outcomes = await Promise.allSettled(items.map((item) => queue.sendJob(toJob(item))));
    const sent = items.filter((_, n) => outcomes[n]?.status === "fulfilled");
    if (sent.length > 0) await this.#removed(JOBS_LANE, ...sent.map(({ text }) => text));
    const failure = outcomes.find((outcome) => outcome.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }

  async #onFailure(lane: string, thrown: unknown): Promise<void> {
    console.error(`outbox: '${lane}' will be tried again`, thrown);
    const nowMs = Date.now();
    try {
      await this.#failed(lane, ...RETRY_STEPS.map((tries) => String(nowMs + retryDelayMs(tries))));
    } catch {
      // Then it is due when it was due before, which is soon.
    }
  }
}

function parseItem(text: string): Item {
  const space = text.indexOf(" ");
  return { text, number: Number(text.slice(0, space)), json: text.slice(space + 1) };
}

function splitEntry({ json: entry }: Item): readonly [head: string, text: string] {
  const end = entry.indexOf("\n");
  return [entry.slice(0, end), entry.slice(end + 1)];
}

function toEvent(item: Item): EncodedEvent {
  const [head, json] = splitEntry(item);
  const [type, dedupeKey] = JSON.parse(head) as [string, string];
  return { type, json, dedupeKey };
}

function toJob(item: Item): QueuedJob {
  const [head, body] = splitEntry(item);
  const [name, delaySeconds, deduplicationId] = JSON.parse(head) as [QueuedJob["name"], number, string];
  return { name, body, delaySeconds, deduplicationId };
}
