import { DurableObject } from "cloudflare:workers";
import type { ChannelName } from "../core/channel-name.ts";
import type { After } from "../core/cursor.ts";
import { EARLIEST } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { Limits } from "../core/limits.ts";
import type { Page } from "../core/ports.ts";
import type { Result } from "../core/result.ts";
import { attemptAsync, unwrap } from "../core/result.ts";
import type { AttemptOutcome } from "../core/webhook-retry.ts";
import type { WebhookSender } from "../core/webhook-sender.ts";
import type {
  DeliveryPage,
  DeliveryStart,
  EndpointChange,
  IssuedSecret,
  ListDeliveriesQuery,
  NewEndpoint,
  WebhookDelivery,
  WebhookEndpoint,
} from "../core/webhooks.ts";
import type { Channel } from "./channel.ts";
import type { Directory } from "./directory.ts";
import type { ChannelNews, SubscriberKey } from "./subscriber.ts";
import { isFollowed } from "./subscriber.ts";
import type { WebhookMessage } from "./webhook-deliveries.ts";
import { toDelivery, WebhookDeliveries } from "./webhook-deliveries.ts";
import { WebhookDesk } from "./webhook-desk.ts";
import { WebhookDispatcher } from "./webhook-dispatcher.ts";
import { WebhookLanes } from "./webhook-lanes.ts";
import type { TellDisabled } from "./webhook-record.ts";
import { RETRY_MS, WebhookRecord } from "./webhook-record.ts";
import { createSchema } from "./webhook-schema.ts";
import {
  activeSecrets,
  changeState,
  createState,
  disableState,
  rotateState,
  toEndpoint,
  toIssuedSecret,
} from "./webhook-state.ts";
import { toTestAttempt, toTestMessage } from "./webhook-test.ts";

export interface WebhookEndpointEnv {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
}

/** What an endpoint cannot know as a Durable Object; `worker.ts` gives it. */
export interface WebhookHost {
  readonly limits: Limits;
  readonly sender: WebhookSender;
  mayRead(owner: UserIdentity, channel: ChannelName): Promise<boolean>;
  readonly tellDisabled: TellDisabled;
}

/** How long the alarm stays with what is on its way. Then it comes again. */
const ALARM_RUN_MS = 30_000;

/**
 * One webhook endpoint, named by its id: told of news by the channels that it follows, it reads them from where it
 * stands and sends what it finds. An object of its own, so that a receiver that is slow or gone delays nobody else's.
 */
export class WebhookEndpointObject<Env extends WebhookEndpointEnv> extends DurableObject<Env> {
  readonly #host: WebhookHost;
  readonly #lanes: WebhookLanes;
  readonly #record: WebhookRecord;
  #parts:
    | {
        readonly deliveries: WebhookDeliveries;
        readonly desk: WebhookDesk;
        readonly dispatcher: WebhookDispatcher;
      }
    | undefined;
  #isCreating = false;

  constructor(context: DurableObjectState, env: Env, host: WebhookHost) {
    super(context, env);
    this.#host = host;
    this.#lanes = new WebhookLanes(context.storage.sql);
    this.#record = new WebhookRecord(context.storage, host.tellDisabled);
  }

  create(endpoint: NewEndpoint): Promise<Result<WebhookEndpoint & IssuedSecret>> {
    return attemptAsync(async () => {
      if (this.#record.found !== undefined)
        throw new EverywireError("already_exists", "There is this endpoint already.");
      this.ctx.storage.transactionSync(() => {
        createSchema(this.ctx.storage.sql);
        this.#record.save(createState(endpoint, Date.now()));
        // Before anything can come of the channel, so that it begins here and not where the channel says.
        if (typeof endpoint.start !== "string")
          this.#lanes.reset(endpoint.start.channel, endpoint.start.after, Date.now());
      });
      this.#isCreating = true;
      await this.#subscribe();
      if (endpoint.start === "earliest") await this.#goToEarliest();
      this.#record.save({ ...this.#record.known, start: undefined });
      this.#dispatcher.pump();
      return { ...toEndpoint(this.#record.known), ...toIssuedSecret(this.#record.known) };
    });
  }

  get(): Promise<Result<WebhookEndpoint>> {
    return attemptAsync(async () => toEndpoint(this.#record.known));
  }

  update(change: EndpointChange): Promise<Result<WebhookEndpoint>> {
    return attemptAsync(async () => {
      const before = this.#record.known;
      const state = changeState(before, change);
      const nowMs = Date.now();
      const left = this.ctx.storage.transactionSync(() => {
        this.#record.save(state);
        const left = this.#lanes.removeOthers(state.channels);
        for (const channel of left) this.#deliveries.forgetPending(channel);
        if (change.types !== undefined) this.#deliveries.forgetPending();
        const isRepaired = state.url !== before.url || (state.isEnabled && !before.isEnabled);
        if (isRepaired) this.#deliveries.restart(nowMs);
        if (isRepaired) this.#lanes.restart(nowMs);
        this.#lanes.recheck();
        return left;
      });
      this.#dispatcher.moved(left);
      this.#dispatcher.refresh();
      if (!state.isSubscribed) await this.#subscribe();
      return toEndpoint(this.#record.known);
    });
  }

  remove(): Promise<Result<null>> {
    return attemptAsync(async () => {
      this.#record.save({ ...this.#record.known, isRemoved: true });
      this.#record.wakeAt(Date.now() + RETRY_MS);
      await this.#finishRemoval();
      return null;
    });
  }

  rotateSecret(): Promise<Result<IssuedSecret>> {
    return attemptAsync(async () => {
      this.#record.save(rotateState(this.#record.known, Date.now()));
      return toIssuedSecret(this.#record.known);
    });
  }

  sendTest(): Promise<Result<WebhookDelivery>> {
    return attemptAsync(async () => {
      const message = await toTestMessage(this.#record.known.id, Date.now());
      const outcome = await this.#send(message);
      this.#record.assertKnown();
      this.#deliveries.write(toTestAttempt(message, outcome, Date.now()));
      return this.#delivery(message.id);
    });
  }

  listDeliveries(query: ListDeliveriesQuery): Promise<Result<DeliveryPage>> {
    return attemptAsync(async () => {
      this.#record.assertKnown();
      return this.#deliveries.list(query);
    });
  }

  replayDelivery(id: string): Promise<Result<WebhookDelivery>> {
    return attemptAsync(async () => {
      this.#record.assertEnabled();
      const row = this.#deliveries.find(id);
      if (row === undefined) throw new EverywireError("not_found", "There is no such webhook delivery.");
      if (row.state === "pending" && row.is_replay === 0) {
        this.#lanes.postpone(row.channel ?? "", Date.now());
      } else {
        if ((await this.#desk.recall(row)) === undefined)
          throw new EverywireError("gone", "The channel no longer keeps this event.");
        this.#deliveries.requeue(id, Date.now());
      }
      const delivery = this.#delivery(id);
      this.#dispatcher.pump();
      return delivery;
    });
  }

  replayFrom(start: DeliveryStart): Promise<Result<readonly string[]>> {
    return attemptAsync(async () => {
      this.#record.assertEnabled();
      if (start === "latest") throw new Error("There is nothing to go back to.");
      if (start === "earliest") return this.#goToEarliest();
      this.#goTo(start.channel, start.after);
      this.#dispatcher.moved([start.channel]);
      return [start.channel];
    });
  }

  /** @see SubscriberObject.onNews */
  async onNews({ channel, from }: ChannelNews): Promise<void> {
    const state = this.#record.found;
    // What was removed, or followed before a change, is still told until everybody knows.
    if (state === undefined || state.isRemoved || !isFollowed(channel, state.channels)) return;
    this.#lanes.note(channel, state.start === "earliest" ? EARLIEST : from, Date.now());
    this.#dispatcher.onNews(channel);
  }

  /** Goes on with whatever was on its way when this object was lost, and with what is due now. */
  override async alarm(): Promise<void> {
    this.#record.onAlarm();
    const state = this.#record.found;
    if (state === undefined) return;
    try {
      if (state.isRemoved) return await this.#finishRemoval();
      if (state.start !== undefined && !this.#isCreating) {
        this.#record.save({
          ...disableState(state, "Its creation was interrupted, and nobody has its secret.", Date.now()),
          start: undefined,
        });
      }
      if (!state.isSubscribed) await this.#subscribe();
      await this.#record.tellDisabled();
    } catch (cause) {
      console.warn(`The webhook endpoint ${state.id} is not in order yet; it will be.`, cause);
      this.#record.wakeAt(Date.now() + RETRY_MS);
    }
    this.#dispatcher.pump();
    await Promise.race([this.#dispatcher.whenIdle(), scheduler.wait(ALARM_RUN_MS)]);
    this.#dispatcher.pump();
  }

  async #subscribe(): Promise<void> {
    const { channels } = this.#record.known;
    this.#record.wakeAt(Date.now() + RETRY_MS);
    await this.#directory.subscribe(this.#key, channels);
    // It may have been changed meanwhile.
    if (this.#record.found?.channels === channels)
      this.#record.save({ ...this.#record.known, isSubscribed: true });
  }

  /** Begins every channel that there is, and that is followed, from its beginning. Gives their names. */
  async #goToEarliest(): Promise<readonly string[]> {
    const names = new Set<ChannelName>();
    for (const glob of this.#record.known.channels) {
      for (const name of await this.#directory.match(glob, undefined, Number.MAX_SAFE_INTEGER))
        names.add(name);
    }
    this.#record.assertKnown();
    this.ctx.storage.transactionSync(() => {
      for (const name of names) this.#goTo(name, EARLIEST);
    });
    this.#dispatcher.moved(names);
    return [...names];
  }

  #goTo(channel: string, after: After): void {
    this.#lanes.reset(channel, after, Date.now());
    this.#deliveries.forgetPending(channel);
  }

  async #finishRemoval(): Promise<void> {
    await this.#directory.unsubscribe(this.#key);
    this.#parts?.dispatcher.stop();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  async #read(channel: string, after: string, limit: number): Promise<Page> {
    const page = await this.env.CHANNEL.getByName(channel).read({ after: after as After, limit });
    if (page.ok || page.error.code !== "gone") return unwrap(page);
    // Deleted, while forks of it live: there is nothing more to read.
    return { gap: undefined, events: [], next: after === "latest" ? EARLIEST : after, upToDate: true };
  }

  #send({ id, type, body }: WebhookMessage): Promise<AttemptOutcome> {
    const state = this.#record.known;
    const { id: endpointId, url } = state;
    const secrets = activeSecrets(state, Date.now());
    return this.#host.sender.send({ endpointId, url, secrets, id, type, body });
  }

  #delivery(id: string): WebhookDelivery {
    const row = this.#deliveries.find(id);
    if (row === undefined) throw new EverywireError("not_found", "There is no such webhook delivery.");
    return toDelivery(row, this.#record.known.id);
  }

  get #key(): SubscriberKey {
    return { kind: "webhook", id: this.#record.found?.id ?? "" };
  }

  get #directory() {
    return this.env.DIRECTORY.getByName("main");
  }

  get #deliveries(): WebhookDeliveries {
    return this.#open().deliveries;
  }

  get #desk(): WebhookDesk {
    return this.#open().desk;
  }

  get #dispatcher(): WebhookDispatcher {
    return this.#open().dispatcher;
  }

  /** What works on the tables, which are there from the creation on. */
  #open() {
    if (this.#parts !== undefined) return this.#parts;
    const record = this.#record;
    const { limits } = this.#host;
    const deliveries = new WebhookDeliveries(
      this.ctx.storage.sql,
      this.#record.stored.id,
      limits.WEBHOOK_LOG_ENTRIES,
    );
    const desk = new WebhookDesk(
      {
        storage: this.ctx.storage,
        limits,
        get state() {
          return record.stored;
        },
        save: (state) => this.#record.save(state),
        mayRead: (channel) => this.#host.mayRead(this.#record.known.owner, channel as ChannelName),
        read: (...request) => this.#read(...request),
        send: (message) => this.#send(message),
        wakeAt: (timeMs) => this.#record.wakeAt(timeMs),
      },
      this.#lanes,
      deliveries,
    );
    this.#parts = { deliveries, desk, dispatcher: new WebhookDispatcher(desk) };
    return this.#parts;
  }
}

/** The class that is bound: an endpoint with what it is given from outside. */
export function createWebhookEndpointClass<Env extends WebhookEndpointEnv>(
  hostOf: (env: Env) => WebhookHost,
) {
  return class WebhookEndpoint extends WebhookEndpointObject<Env> {
    constructor(context: DurableObjectState, env: Env) {
      super(context, env, hostOf(env));
    }
  };
}
