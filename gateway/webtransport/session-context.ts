import type { GatewayLimits } from "../limits.ts";
import type { Worker } from "../worker/worker.ts";
import { Backoff } from "./backoff.ts";
import type { MessageFormat } from "./message-format.ts";
import type { WebTransportSession } from "./session.ts";
import type { Caller } from "./worker-lines.ts";
import { WorkerLines } from "./worker-lines.ts";

/** What the parts of one session share. */
export class SessionContext {
  readonly session: WebTransportSession;
  readonly format: MessageFormat;
  readonly limits: GatewayLimits;
  /** The pauses between attempts to reach the Worker, together: what fails for one fails for all. */
  readonly backoff = new Backoff();
  readonly #worker: Worker;
  #caller: Caller;

  constructor(
    session: WebTransportSession,
    format: MessageFormat,
    limits: GatewayLimits,
    worker: Worker,
    caller: Caller,
  ) {
    this.session = session;
    this.format = format;
    this.limits = limits;
    this.#worker = worker;
    this.#caller = caller;
  }

  /** From here on, everything is done with this token. */
  signIn(token: string): void {
    this.#caller = { ...this.#caller, token };
  }

  /** @throws GatewayError */
  async openLines(): Promise<WorkerLines> {
    return this.backoff.attempt(() => WorkerLines.open(this.#worker, this.#caller));
  }
}
