import type { After } from "../core/cursor.ts";
import { formatCursor, parseCursor } from "../core/cursor.ts";
import type { Limits } from "../core/limits.ts";
import type { Page } from "../core/ports.ts";
import type { AttemptOutcome, Tries } from "../core/webhook-retry.ts";
import { addTry, describeFailure, judgeAttempt } from "../core/webhook-retry.ts";
import { matchesTypes } from "../core/webhooks.ts";
import type { DeliveryRow, WebhookDeliveries, WebhookMessage } from "./webhook-deliveries.ts";
import { toTries } from "./webhook-deliveries.ts";
import type { DispatcherHost, Settlement } from "./webhook-dispatcher.ts";
import type { WebhookLanes } from "./webhook-lanes.ts";
import type { EndpointState } from "./webhook-state.ts";
import { countSettled, disableState } from "./webhook-state.ts";

/** What the desk needs of its object. */
export interface DeskHost {
  readonly storage: DurableObjectStorage;
  readonly limits: Limits;
  readonly state: EndpointState;
  save(state: EndpointState): void;
  mayRead(channel: string): Promise<boolean>;
  read(channel: string, after: string, limit: number): Promise<Page>;
  send(message: WebhookMessage): Promise<AttemptOutcome>;
  wakeAt(timeMs: number): void;
}

const PAGE_EVENTS = 100;

/** Decides what becomes of each attempt and writes it down: the one place where a cursor moves. */
export class WebhookDesk implements DispatcherHost {
  readonly pageEvents = PAGE_EVENTS;
  readonly lanes: WebhookLanes;
  readonly #host: DeskHost;
  readonly #deliveries: WebhookDeliveries;

  constructor(host: DeskHost, lanes: WebhookLanes, deliveries: WebhookDeliveries) {
    this.#host = host;
    this.lanes = lanes;
    this.#deliveries = deliveries;
  }

  get endpointId(): string {
    return this.#host.state.id;
  }

  isEnabled(): boolean {
    const { isEnabled, start, isRemoved } = this.#host.state;
    return isEnabled && start === undefined && !isRemoved;
  }

  wants(type: string): boolean {
    return matchesTypes(type, this.#host.state.types);
  }

  mayRead(channel: string): Promise<boolean> {
    return this.#host.mayRead(channel);
  }

  read(channel: string, after: string, limit: number): Promise<Page> {
    return this.#host.read(channel, after, limit);
  }

  send(message: WebhookMessage): Promise<AttemptOutcome> {
    return this.#host.send(message);
  }

  wakeAt(timeMs: number): void {
    this.#host.wakeAt(timeMs);
  }

  tries(messageId: string): Tries {
    return this.#deliveries.tries(messageId);
  }

  forgetPending(channel: string): void {
    this.#deliveries.forgetPending(channel);
  }

  nextReplayMs(): number | undefined {
    return this.#deliveries.nextReplay()?.next_ms ?? undefined;
  }

  settle(
    message: WebhookMessage,
    outcome: AttemptOutcome,
    before: Tries,
    place: { readonly cursor: string; readonly hasNews: boolean },
  ): Settlement {
    const { storage, limits, state } = this.#host;
    const nowMs = Date.now();
    const channel = message.channel ?? "";
    const tries = addTry(before, outcome, nowMs);
    const verdict = judgeAttempt(outcome, tries, limits, nowMs, Math.random());
    const attempt = { message, outcome, tries, isReplay: false, nowMs };
    return storage.transactionSync((): Settlement => {
      switch (verdict.kind) {
        case "delivered":
        case "dead-letter": {
          const isDeadLetter = verdict.kind === "dead-letter";
          const deliveryState = isDeadLetter ? "dead-lettered" : "delivered";
          this.#deliveries.write({ ...attempt, state: deliveryState, nextMs: undefined });
          this.lanes.move(channel, place.cursor, place.hasNews, nowMs);
          const error = describeFailure(outcome);
          const counted = countSettled(state, { isDeadLetter, error }, limits.WEBHOOK_DISABLE_AFTER, nowMs);
          if (counted !== state) this.#host.save(counted);
          return { kind: "settled" };
        }
        case "retry": {
          const nextMs = nowMs + verdict.delayMs;
          this.#deliveries.write({ ...attempt, state: "pending", nextMs });
          this.lanes.postpone(channel, nextMs);
          return { kind: "waiting", tries };
        }
        case "disable":
          // It stays pending: whoever enables the endpoint again gets it first.
          this.#deliveries.write({ ...attempt, state: "pending", nextMs: undefined });
          this.#host.save(disableState(state, verdict.reason, nowMs));
          return { kind: "waiting", tries };
      }
    });
  }

  noteStray(message: WebhookMessage, outcome: AttemptOutcome, before: Tries): void {
    const isDelivered = outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300;
    if (!isDelivered || this.#host.state.isRemoved) return;
    const nowMs = Date.now();
    const tries = addTry(before, outcome, nowMs);
    this.#deliveries.write({
      message,
      outcome,
      tries,
      state: "delivered",
      nextMs: undefined,
      isReplay: false,
      nowMs,
    });
  }

  async sendReplay(dueMs: number): Promise<boolean> {
    const row = this.#deliveries.nextReplay();
    if (row === undefined || (row.next_ms ?? 0) > dueMs) return false;
    const message = await this.recall(row);
    const outcome = message === undefined ? NO_LONGER_KEPT : await this.#host.send(message);
    // Meanwhile it may have come up in the order of its channel, and be settled.
    if (this.#host.state.isRemoved || this.#deliveries.find(row.id)?.is_replay !== 1) return true;
    const nowMs = Date.now();
    const tries = addTry(toTries(row), outcome, nowMs);
    const verdict = judgeAttempt(outcome, tries, this.#host.limits, nowMs, Math.random());
    const state =
      verdict.kind === "delivered"
        ? "delivered"
        : verdict.kind === "dead-letter"
          ? "dead-lettered"
          : "pending";
    const nextMs = verdict.kind === "retry" ? nowMs + verdict.delayMs : undefined;
    const sent = message ?? toRowMessage(row, "");
    this.#host.storage.transactionSync(() => {
      this.#deliveries.write({ message: sent, outcome, tries, state, nextMs, isReplay: true, nowMs });
      if (verdict.kind === "disable") this.#host.save(disableState(this.#host.state, verdict.reason, nowMs));
    });
    return true;
  }

  /** What a delivery was about; undefined where the channel no longer keeps it. */
  async recall(row: DeliveryRow): Promise<WebhookMessage | undefined> {
    if (row.body !== null) return toRowMessage(row, row.body);
    const cursor = row.sequence === null ? undefined : parseCursor(row.sequence);
    if (cursor === undefined || row.channel === null) return undefined;
    const before = formatCursor(cursor.epoch, cursor.number - 1) as After;
    const [event] = (await this.#host.read(row.channel, before, 1)).events;
    return event?.sequence === row.sequence ? toRowMessage(row, event.json) : undefined;
  }
}

const NO_LONGER_KEPT: AttemptOutcome = {
  kind: "unsendable",
  error: "The channel no longer keeps this event.",
  durationMs: 0,
};

function toRowMessage(row: DeliveryRow, body: string): WebhookMessage {
  const { id, kind, channel, sequence, type } = row;
  return { id, kind, channel, sequence, eventId: row.event_id, type, body };
}
