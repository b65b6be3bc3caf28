import { DurableObject } from "cloudflare:workers";
import type { Hono } from "hono";
import { createApp } from "./app.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Env } from "./env.ts";
import { Publisher } from "./publisher.ts";
import { Scheduler } from "./scheduler.ts";
import { readBackoff } from "./settings.ts";
import { Settler } from "./settler.ts";
import { Store } from "./store/store.ts";

/**
 * An account of QStash: one object has all of it, so that what the API says is one state. Its answers leave when what
 * they say is on disk.
 */
export class Qstash extends DurableObject<Env> {
  readonly #app: Hono;
  readonly #dispatcher: Dispatcher;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { storage } = ctx;
    const withCronSeconds = env.QSTASH_CRON_SECONDS === "true";
    const store = new Store(storage, env);
    const publisher = new Publisher(store);
    const scheduler = new Scheduler(store, publisher);
    const settler = new Settler(store, publisher, readBackoff(env));
    this.#dispatcher = new Dispatcher({ storage, env, store, scheduler, settler });
    this.#app = createApp({ store, publisher, dispatcher: this.#dispatcher, withCronSeconds });
  }

  override async fetch(request: Request): Promise<Response> {
    return this.#app.fetch(request);
  }

  override async alarm(): Promise<void> {
    await this.#dispatcher.run();
  }
}
