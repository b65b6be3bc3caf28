import { GatewayError } from "../gateway-error.ts";
import type { SessionContext } from "./session-context.ts";
import { Subscription } from "./subscription.ts";
import type { Line } from "./worker-lines.ts";

/** What one session follows, each channel once. */
export class Subscriptions {
  readonly #context: SessionContext;
  readonly #open = new Map<string, Subscription>();

  constructor(context: SessionContext) {
    this.#context = context;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Resolves with the answer. @throws GatewayError */
  async add(request: Line): Promise<Line> {
    const { channel, after } = request;
    // The Worker says what is wrong with any other.
    const name = String(channel);
    if (this.#open.has(name))
      throw new GatewayError("already_exists", "This session follows that channel already.");
    const max = this.#context.limits.MAX_SESSION_SUBSCRIPTIONS;
    if (this.#open.size >= max)
      throw new GatewayError("rate_limited", `One session has at most ${max} subscriptions.`);
    const subscription = new Subscription(this.#context, name, typeof after === "string" ? after : undefined);
    this.#open.set(name, subscription);
    try {
      const answer = await subscription.start(request);
      if (answer.op === "error") this.#open.delete(name);
      else this.#run(subscription);
      return answer;
    } catch (thrown) {
      this.#open.delete(name);
      subscription.end();
      throw thrown;
    }
  }

  /** @throws GatewayError `not_found` */
  remove(request: Line): Line {
    const subscription = this.#open.get(String(request.channel));
    if (subscription === undefined) {
      throw new GatewayError("not_found", "This session does not follow that channel.");
    }
    subscription.end();
    this.#open.delete(subscription.channel);
    return { op: "unsubscribed", ref: request.ref, channel: subscription.channel };
  }

  end(): void {
    for (const subscription of this.#open.values()) subscription.end();
    this.#open.clear();
  }

  #run(subscription: Subscription): void {
    const forget = () => {
      if (this.#open.get(subscription.channel) === subscription) this.#open.delete(subscription.channel);
    };
    subscription.run().then(forget, forget);
  }
}
