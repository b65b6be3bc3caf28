import { EverywireError } from "../core/error.ts";
import type { WebhookEndpoint } from "../core/webhooks.ts";
import type { DisabledNotice, EndpointState } from "./webhook-state.ts";
import { toEndpoint } from "./webhook-state.ts";

/** Tells the owner that an endpoint was disabled; the same notice may come twice. */
export type TellDisabled = (endpoint: WebhookEndpoint, notice: DisabledNotice) => Promise<void>;

const STATE_KEY = "endpoint";
export const RETRY_MS = 5000;

/** What an endpoint is, kept; its one alarm; and the notice to its owner, told until it has arrived. */
export class WebhookRecord {
  readonly #storage: DurableObjectStorage;
  readonly #tell: TellDisabled;
  #state: EndpointState | undefined;
  #alarmMs: number | undefined;
  #isTelling = false;

  constructor(storage: DurableObjectStorage, tell: TellDisabled) {
    this.#storage = storage;
    this.#tell = tell;
    this.#state = storage.kv.get<EndpointState>(STATE_KEY);
  }

  /** Undefined where nothing was ever made under this name. */
  get found(): EndpointState | undefined {
    return this.#state;
  }

  /** Also one that was removed: what was on its way has still to end. @throws EverywireError `not_found` */
  get stored(): EndpointState {
    if (this.#state !== undefined) return this.#state;
    throw missing();
  }

  /** @throws EverywireError `not_found` */
  get known(): EndpointState {
    this.assertKnown();
    return this.stored;
  }

  /** After something was awaited: it may be gone by now. @throws EverywireError `not_found` */
  assertKnown(): void {
    if (this.stored.isRemoved) throw missing();
  }

  /** @throws EverywireError `not_found`, `precondition_failed` */
  assertEnabled(): void {
    if (this.known.isEnabled) return;
    throw new EverywireError("precondition_failed", "The endpoint is disabled; enable it first.");
  }

  save(state: EndpointState): void {
    this.#state = state;
    this.#storage.kv.put(STATE_KEY, state);
    if (state.notice === undefined) return;
    this.wakeAt(Date.now() + RETRY_MS);
    // After the transaction that this may be part of.
    queueMicrotask(() => void this.tellDisabled());
  }

  async tellDisabled(): Promise<void> {
    const state = this.#state;
    if (state?.notice === undefined || state.isRemoved || this.#isTelling) return;
    this.#isTelling = true;
    try {
      await this.#tell(toEndpoint(state), state.notice);
      if (this.#state?.notice === state.notice) this.save({ ...this.known, notice: undefined });
    } catch (cause) {
      console.warn(`The owner of ${state.id} was not told that it was disabled; they will be.`, cause);
      this.wakeAt(Date.now() + RETRY_MS);
    } finally {
      this.#isTelling = false;
    }
  }

  /** Keeps the earlier of two alarms: there is only one, and setting it is a write. */
  wakeAt(timeMs: number): void {
    if (this.#alarmMs !== undefined && this.#alarmMs <= timeMs) return;
    this.#alarmMs = timeMs;
    void this.#storage.setAlarm(timeMs);
  }

  /** The alarm has come, and is to be set anew. */
  onAlarm(): void {
    this.#alarmMs = undefined;
  }
}

function missing(): EverywireError {
  return new EverywireError("not_found", "There is no such webhook endpoint.");
}
