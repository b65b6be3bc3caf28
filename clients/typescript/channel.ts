import type { CloudEvent, NewEvent, Published } from "./event.ts";
import { isGap } from "./event.ts";
import type { SubscribeOptions } from "./options.ts";
import type { ChannelSchema } from "./schema.ts";
import { validate } from "./schema.ts";
import type { Channel, Client, Page, ReadOptions, Subscription } from "./types.ts";

/** A channel by name: what its schema does not let through neither goes in nor comes out. */
export class NamedChannel implements Channel {
  readonly name: string;
  readonly #client: Client;
  readonly #schema: ChannelSchema | undefined;

  constructor(client: Client, name: string, schema: ChannelSchema | undefined) {
    this.#client = client;
    this.name = name;
    this.#schema = schema;
  }

  publish(event: NewEvent): Promise<Published> {
    if (this.#schema === undefined) return this.#client.publish(this.name, event);
    try {
      const data = validate(this.#schema, event);
      // Waited for only where the schema makes one wait, so that calls keep their order.
      if (!(data instanceof Promise)) return this.#client.publish(this.name, { ...event, data });
      return data.then((late: unknown) => this.#client.publish(this.name, { ...event, data: late }));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  subscribe(options: Omit<SubscribeOptions, "schema"> = {}): Subscription {
    const schema = this.#schema;
    if (schema === undefined) return this.#client.subscribe(this.name, options);
    return this.#client.subscribe(this.name, { ...options, schema }) as unknown as Subscription;
  }

  async read(options?: ReadOptions): Promise<Page> {
    const page = await this.#client.read(this.name, options);
    const schema = this.#schema;
    if (schema === undefined) return page;
    const checked = await Promise.all(page.events.map((event) => this.#check(schema, event)));
    return { ...page, events: checked.filter((event) => event !== undefined) };
  }

  async #check(schema: ChannelSchema, event: CloudEvent): Promise<CloudEvent | undefined> {
    if (isGap(event)) return event;
    try {
      return { ...event, data: await validate(schema, event) };
    } catch {
      return undefined;
    }
  }
}
