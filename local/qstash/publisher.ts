import type { Deduplication, PublishOptions } from "./decode-options.ts";
import { decodeUrl } from "./decode-options.ts";
import { toBase64 } from "./encode.ts";
import type { Message, MessageOptions, MessageSpec } from "./message.ts";
import { newId } from "./message.ts";
import { notFound } from "./problem.ts";
import type { Store } from "./store/store.ts";
import type { Endpoint } from "./store/url-group-store.ts";

/** A publish that was read, and is not kept yet. */
export interface Publication {
  /** A URL, or the name of a URL group. */
  readonly destination: string;
  readonly queueName: string | undefined;
  readonly options: PublishOptions;
  readonly body: Uint8Array;
  /** From {@link toDeduplicationId}. */
  readonly deduplicationId: string | undefined;
}

/** What its publisher is told. */
export interface Receipt {
  readonly messageId: string;
  readonly url: string;
  readonly deduplicated?: true;
}

/** Makes messages of publishes. Nothing in here waits, so that a publish is kept as a whole. */
export class Publisher {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Keeps a message for the destination, or one for each endpoint of a URL group.
   *
   * @throws QstashProblem 400, 404 where there is no such URL, or group
   */
  publish(publication: Publication): Receipt | readonly Receipt[] {
    return this.#store.transaction(() => {
      const { destination } = publication;
      if (isUrl(destination)) {
        return this.#publishTo(publication, { url: decodeUrl("the destination", destination) }, undefined);
      }
      const group = this.#store.urlGroups.get(destination);
      if (group === undefined) throw unknownDestination(destination);
      return group.endpoints.map((endpoint) => this.#publishTo(publication, endpoint, destination));
    });
  }

  /** Keeps a message that has all of its settings already. */
  insert(
    spec: MessageSpec,
    body: Uint8Array,
    when: { readonly nowMs: number; readonly dueMs: number; readonly place?: Message["place"] },
  ): Message {
    const { queueName } = spec;
    const place =
      when.place ??
      (queueName === undefined ? undefined : this.#store.queues.takePlace(queueName, when.nowMs));
    const message: Message = {
      id: newId("msg"),
      spec,
      createdMs: when.nowMs,
      dueMs: when.dueMs,
      retried: 0,
      place,
    };
    if (spec.flowControl !== undefined) this.#store.flowControls.configure(spec.flowControl);
    this.#store.messages.insert(message, body);
    this.#store.events.append("CREATED", message);
    return message;
  }

  #publishTo(publication: Publication, endpoint: Endpoint, urlGroup: string | undefined): Receipt {
    const nowMs = Date.now();
    const { options, deduplicationId, queueName, body } = publication;
    // Of a group each endpoint gets the message once.
    const known =
      deduplicationId === undefined ? undefined : `${deduplicationId} ${urlGroup ? endpoint.url : ""}`;
    const earlier = known === undefined ? undefined : this.#store.deduplications.find(known, nowMs);
    if (earlier !== undefined) return { messageId: earlier, url: endpoint.url, deduplicated: true };
    const spec = {
      ...toMessageOptions(options),
      url: endpoint.url,
      urlGroup,
      endpointName: endpoint.name,
      queueName,
      scheduleId: undefined,
    };
    const dueMs = Math.max(nowMs, options.notBeforeMs ?? nowMs + options.delayMs);
    const message = this.insert(spec, body, { nowMs, dueMs });
    if (known !== undefined) this.#store.deduplications.remember(known, message.id, nowMs);
    return { messageId: message.id, url: endpoint.url };
  }
}

/** @throws QstashProblem 404 */
export function unknownDestination(destination: string) {
  return notFound(
    `there is no URL group "${destination.slice(0, 200)}"; a destination that is a URL begins with http:// or https://`,
  );
}

export function isUrl(destination: string): boolean {
  return /^https?:\/\//i.test(destination);
}

/** Without what is only of the moment of publishing. */
export function toMessageOptions(options: PublishOptions): MessageOptions {
  const { delayMs: _, notBeforeMs: __, deduplication: ___, ...kept } = options;
  return kept;
}

/** What a repeat is known by: the id that was given, or a digest of the destination, the body and the headers. */
export async function toDeduplicationId(
  deduplication: Deduplication | undefined,
  destination: string,
  options: PublishOptions,
  body: Uint8Array,
): Promise<string | undefined> {
  if (deduplication === undefined) return undefined;
  if (deduplication.by === "id") return `id ${deduplication.id}`;
  const headers = Object.entries(options.headers).sort(([one], [other]) => (one < other ? -1 : 1));
  const head = new TextEncoder().encode(`${JSON.stringify([destination, options.method, headers])}\n`);
  const whole = new Uint8Array(head.byteLength + body.byteLength);
  whole.set(head);
  whole.set(body, head.byteLength);
  return `content ${toBase64(new Uint8Array(await crypto.subtle.digest("SHA-256", whole)))}`;
}
