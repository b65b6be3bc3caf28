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
import { createSchema } from "./webhook-schema.ts";
import type { DisabledNotice, EndpointState } from "./webhook-state.ts";
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
  /** Tells the owner that an endpoint was disabled; the same notice may come twice. */
  tellDisabled(endpoint: WebhookEndpoint, notice: DisabledNotice): Promise<void>;
}

const STATE_KEY = "endpoint";
/** How long the alarm stays with what is on its way. Then it comes again. */
const ALARM_RUN_MS = 30_000;
const RETRY_MS = 5000;

/**
 * One webhook endpoint, named by its id: told of news by the channels that it follows, it reads them from where it
 * stands and sends what it finds. An object of its own, so that a receiver that is slow or gone delays nobody else's.
 */
export class WebhookEndpointObject<Env extends WebhookEndpointEnv> extends DurableObject<Env> {
  readonly #host: WebhookHost;
  readonly #lanes: WebhookLanes;
  #state: EndpointState | undefined;
  #parts:
    | {
        readonly deliveries: WebhookDeliveries;
        readonly desk: WebhookDesk;
        readonly dispatcher: WebhookDispatcher;
      }
    | undefined;
  #alarmMs: number | undefined;
  #isTelling = false;
  #isCreating = false;

  constructor(context: DurableObjectState, env: Env, host: WebhookHost) {
    super(context, env);
    this.#host = host;
    this.#lanes = new WebhookLanes(context.storage.sql);
    this.#state = context.storage.kv.get<EndpointState>(STATE_KEY);
  }

  create(endpoint: NewEndpoint): Promise<Result<WebhookEndpoint & IssuedSecret>> {
    return attemptAsync(async () => {
      if (this.#state !== undefined)
        throw new EverywireError("already_exists", "There is this endpoint already.");
      this.ctx.storage.transactionSync(() => {
        createSchema(this.ctx.storage.sql);
        this.#save(createState(endpoint, Date.now()));
        // Before anything can come of the channel, so that it begins here and not where the channel says.
        if (typeof endpoint.start !== "string")
          this.#lanes.reset(endpoint.start.channel, endpoint.start.after, Date.now());
      });
      this.#isCreating = true;
      await this.#subscribe();
      if (endpoint.start === "earliest") await this.#goToEarliest();
      this.#save({ ...this.#known(), start: undefined });
      this.#dispatcher.pump();
      return { ...toEndpoint(this.#known()), ...toIssuedSecret(this.#known()) };
    });
  }

  get(): Promise<Result<WebhookEndpoint>> {
    return attemptAsync(async () => toEndpoint(this.#known()));
  }

  update(change: EndpointChange): Promise<Result<WebhookEndpoint>> {
    return attemptAsync(async () => {
      const before = this.#known();
      const state = changeState(before, change);
      const nowMs = Date.now();
      const left = this.ctx.storage.transactionSync(() => {
        this.#save(state);
        const left = this.#lanes.removeOthers(state.channels);
        for (const channel of left) this.#deliveries.forgetPending(channel);
        if (change.types !== undefined) this.#deliveries.forgetPending();
        const isRepaired = state.url !== before.url || (state.isEnabled && !before.isEnabled);
        if (isRepaired) this.#deliveries.restart(nowMs);
        this.#lanes.restart(nowMs);
        return left;
      });
      this.#dispatcher.moved(left);
      this.#dispatcher.refresh();
      if (!state.isSubscribed) await this.#subscribe();
      return toEndpoint(this.#known());
    });
  }

  remove(): Promise<Result<null>> {
    return attemptAsync(async () => {
      this.#save({ ...this.#known(), isRemoved: true });
      this.#wakeAt(Date.now() + RETRY_MS);
      await this.#finishRemoval();
      return null;
    });
  }

  rotateSecret(): Promise<Result<IssuedSecret>> {
    return attemptAsync(async () => {
      this.#save(rotateState(this.#known(), Date.now()));
      return toIssuedSecret(this.#known());
    });
  }

  sendTest(): Promise<Result<WebhookDelivery>> {
    return attemptAsync(async () => {
      const message = await toTestMessage(this.#known().id, Date.now());
      const outcome = await this.#send(message);
      this.#known();
      this.#deliveries.write(toTestAttempt(message, outcome, Date.now()));
      return this.#delivery(message.id);
    });
  }

  listDeliveries(query: ListDeliveriesQuery): Promise<Result<DeliveryPage>> {
    return attemptAsync(async () => {
      this.#known();
      return this.#deliveries.list(query);
    });
  }

  replayDelivery(id: string): Promise<Result<WebhookDelivery>> {
    return attemptAsync(async () => {
      this.#assertEnabled();
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
      this.#assertEnabled();
      if (start === "latest") throw new Error("There is nothing to go back to.");
      if (start === "earliest") return this.#goToEarliest();
      this.#goTo(start.channel, start.after);
      this.#dispatcher.moved([start.channel]);
      return [start.channel];
    });
  }

  /** @see SubscriberObject.onNews */
  async onNews({ channel, from }: ChannelNews): Promise<void> {
    const state = this.#state;
    // What was removed, or followed before a change, is still told until everybody knows.
    if (state === undefined || state.isRemoved || !isFollowed(channel, state.channels)) return;
    this.#lanes.note(channel, state.start === "earliest" ? EARLIEST : from, Date.now());
    this.#dispatcher.onNews(channel);
  }

  /** Goes on with whatever was on its way when this object was lost, and with what is due now. */
  override async alarm(): Promise<void> {
    this.#alarmMs = undefined;
    const state = this.#state;
    if (state === undefined) return;
    try {
      if (state.isRemoved) return await this.#finishRemoval();
      if (state.start !== undefined && !this.#isCreating) {
        this.#save({
          ...disableState(state, "Its creation was interrupted, and nobody has its secret.", Date.now()),
          start: undefined,
        });
      }
      if (!state.isSubscribed) await this.#subscribe();
      await this.#tellDisabled();
    } catch (cause) {
      console.warn(`The webhook endpoint ${state.id} is not in order yet; it will be.`, cause);
      this.#wakeAt(Date.now() + RETRY_MS);
    }
    this.#dispatcher.pump();
    await Promise.race([this.#dispatcher.whenIdle(), scheduler.wait(ALARM_RUN_MS)]);
    this.#dispatcher.pump();
  }

  async #subscribe(): Promise<void> {
    const { channels } = this.#known();
    this.#wakeAt(Date.now() + RETRY_MS);
    await this.#directory.subscribe(this.#key, channels);
    // It may have been changed meanwhile.
    if (this.#state?.channels === channels) this.#save({ ...this.#known(), isSubscribed: true });
  }

  /** Begins every channel that there is, and that is followed, from its beginning. Gives their names. */
  async #goToEarliest(): Promise<readonly string[]> {
    const names = new Set<ChannelName>();
    for (const glob of this.#known().channels) {
      for (const name of await this.#directory.match(glob, undefined, Number.MAX_SAFE_INTEGER))
        names.add(name);
    }
    this.#known();
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

  async #tellDisabled(): Promise<void> {
    const state = this.#state;
    if (state?.notice === undefined || this.#isTelling) return;
    this.#isTelling = true;
    try {
      await this.#host.tellDisabled(toEndpoint(state), state.notice);
      if (this.#state?.notice === state.notice) this.#save({ ...this.#known(), notice: undefined });
    } catch (cause) {
      console.warn(`The owner of ${state.id} was not told that it was disabled; they will be.`, cause);
      this.#wakeAt(Date.now() + RETRY_MS);
    } finally {
      this.#isTelling = false;
    }
  }

  async #read(channel: string, after: string, limit: number): Promise<Page> {
    const page = await this.env.CHANNEL.getByName(channel).read({ after: after as After, limit });
    if (page.ok || page.error.code !== "gone") return unwrap(page);
    // Deleted, while forks of it live: there is nothing more to read.
    return { gap: undefined, events: [], next: after === "latest" ? EARLIEST : after, upToDate: true };
  }

  #send({ id, type, body }: WebhookMessage): Promise<AttemptOutcome> {
    const state = this.#known();
    const { id: endpointId, url } = state;
    const secrets = activeSecrets(state, Date.now());
    return this.#host.sender.send({ endpointId, url, secrets, id, type, body });
  }

  #delivery(id: string): WebhookDelivery {
    const row = this.#deliveries.find(id);
    if (row === undefined) throw new EverywireError("not_found", "There is no such webhook delivery.");
    return toDelivery(row, this.#known().id);
  }

  /** @throws EverywireError `not_found` */
  #known(): EndpointState {
    const state = this.#stored();
    if (state.isRemoved) throw new EverywireError("not_found", "There is no such webhook endpoint.");
    return state;
  }

  /** Also one that was removed: what was on its way has still to end. */
  #stored(): EndpointState {
    if (this.#state !== undefined) return this.#state;
    throw new EverywireError("not_found", "There is no such webhook endpoint.");
  }

  #assertEnabled(): void {
    if (this.#known().isEnabled) return;
    throw new EverywireError("precondition_failed", "The endpoint is disabled; enable it first.");
  }

  #save(state: EndpointState): void {
    this.#state = state;
    this.ctx.storage.kv.put(STATE_KEY, state);
    if (state.notice !== undefined) {
      this.#wakeAt(Date.now() + RETRY_MS);
      // After the transaction that this may be part of.
      queueMicrotask(() => void this.#tellDisabled());
    }
  }

  /** Keeps the earlier of two alarms: there is only one, and setting it is a write. */
  #wakeAt(timeMs: number): void {
    if (this.#alarmMs !== undefined && this.#alarmMs <= timeMs) return;
    this.#alarmMs = timeMs;
    void this.ctx.storage.setAlarm(timeMs);
  }

  get #key(): SubscriberKey {
    return { kind: "webhook", id: this.#state?.id ?? "" };
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
    const object = this;
    const { limits } = this.#host;
    const deliveries = new WebhookDeliveries(
      this.ctx.storage.sql,
      this.#stored().id,
      limits.WEBHOOK_LOG_ENTRIES,
    );
    const desk = new WebhookDesk(
      {
        storage: this.ctx.storage,
        limits,
        get state() {
          return object.#stored();
        },
        save: (state) => this.#save(state),
        mayRead: (channel) => this.#host.mayRead(this.#known().owner, channel as ChannelName),
        read: (...request) => this.#read(...request),
        send: (message) => this.#send(message),
        wakeAt: (timeMs) => this.#wakeAt(timeMs),
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
