import { toCallbackBody, toCallbackSpec } from "./callback.ts";
import type { Answer, CallbackOptions, Message } from "./message.ts";
import type { Publisher } from "./publisher.ts";
import type { Next } from "./retry.ts";
import { decideNext } from "./retry.ts";
import type { Backoff } from "./settings.ts";
import type { Store } from "./store/store.ts";

/** Writes down what became of an attempt: all of it at once, callbacks included, so that no crash parts them. */
export class Settler {
  readonly #store: Store;
  readonly #publisher: Publisher;
  readonly #backoff: Backoff;

  constructor(store: Store, publisher: Publisher, backoff: Backoff) {
    this.#store = store;
    this.#publisher = publisher;
    this.#backoff = backoff;
  }

  settle(message: Message, body: Uint8Array, answer: Answer): void {
    const store = this.#store;
    const nowMs = Date.now();
    const next = decideNext({ ...message.spec, retried: message.retried }, answer, this.#backoff, nowMs);
    store.transaction(() => {
      // Canceled meanwhile: whatever came of it is nobody's any more.
      if (store.messages.get(message.id) === undefined) return;
      const dlqId = this.#apply(next, message, body, answer, nowMs);
      const { callback, failureCallback, scheduleId } = message.spec;
      if (callback !== undefined) this.#call(callback, message, body, answer, undefined, nowMs);
      if (next.kind === "retry") return;
      if (failureCallback !== undefined && next.kind === "failed") {
        this.#call(failureCallback, message, body, answer, dlqId, nowMs);
      }
      if (scheduleId !== undefined) {
        store.schedules.noteEnd(scheduleId, message.id, next.kind === "delivered" ? "SUCCESS" : "FAIL");
      }
    });
  }

  /** @returns the id of its dead letter, where it became one */
  #apply(next: Next, message: Message, body: Uint8Array, answer: Answer, nowMs: number): string | undefined {
    const { events, messages, deadLetters } = this.#store;
    if (next.kind === "delivered") {
      events.append("DELIVERED", message, { answer });
      messages.remove(message.id);
      return undefined;
    }
    events.append("ERROR", message, { answer });
    if (next.kind === "retry") {
      const dueMs = Math.ceil(nowMs + next.delayMs);
      events.append("RETRY", message, { nextDeliveryMs: dueMs });
      messages.scheduleRetry(message.id, dueMs, message.retried + 1);
      return undefined;
    }
    events.append("FAILED", message, { answer });
    messages.remove(message.id);
    return deadLetters.insert(message, body, answer, nowMs);
  }

  #call(
    options: CallbackOptions,
    message: Message,
    body: Uint8Array,
    answer: Answer,
    dlqId: string | undefined,
    nowMs: number,
  ): void {
    const spec = toCallbackSpec(message.spec, options);
    const dueMs = nowMs + options.delayMs;
    // In the place of what it tells of: the next of a queue waits for callbacks too.
    this.#publisher.insert(spec, toCallbackBody(message, body, answer, dlqId), {
      nowMs,
      dueMs,
      place: message.place,
    });
  }
}
