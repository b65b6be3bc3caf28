import type { WebhookDelivery, WebhookEndpoint } from "../../core/webhooks.ts";
import type { Target } from "./door-driver.ts";
import { assertOk, toHeaders, toUrl } from "./http-exchange.ts";

export type Created = WebhookEndpoint & { readonly secret: string };

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly body: any;
}

/** The API of webhook endpoints, as a test calls it. */
export class WebhookClient {
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Any call; errors are answers too. */
  async call(method: string, path: string, body?: unknown): Promise<Answered> {
    const response = await fetch(toUrl(this.#target, path), {
      method,
      headers: toHeaders(this.#target, { "content-type": "application/json" }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  }

  async create(body: object): Promise<Created> {
    return (await this.#ok("POST", "/webhooks/endpoints", body)) as Created;
  }

  async get(id: string): Promise<WebhookEndpoint> {
    return (await this.#ok("GET", `/webhooks/endpoints/${id}`)) as WebhookEndpoint;
  }

  async update(id: string, body: object): Promise<WebhookEndpoint> {
    return (await this.#ok("PATCH", `/webhooks/endpoints/${id}`, body)) as WebhookEndpoint;
  }

  async deliveries(id: string, query = ""): Promise<readonly WebhookDelivery[]> {
    const page = (await this.#ok("GET", `/webhooks/endpoints/${id}/deliveries${query}`)) as {
      deliveries: readonly WebhookDelivery[];
    };
    return page.deliveries;
  }

  /** Publishes, one event for each of `data`. Gives the sequences. */
  async publish(channel: string, data: readonly unknown[], type = "test.event"): Promise<string[]> {
    const events = data.map((item) => ({ type, data: item }));
    const receipts = (await this.#ok("POST", `/channels/${channel}`, events)) as { sequence: string }[];
    return receipts.map(({ sequence }) => sequence);
  }

  async #ok(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(toUrl(this.#target, path), {
      method,
      headers: toHeaders(this.#target, { "content-type": "application/json" }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await assertOk(response)).json();
  }
}
