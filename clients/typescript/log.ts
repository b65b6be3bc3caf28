import { assertChannelName } from "./channel-name.ts";
import type { NewEvent, Published } from "./event.ts";
import type { Http } from "./http.ts";
import type { Member, Page, ReadOptions } from "./types.ts";

const JSON_HEADERS = { "content-type": "application/json" };

/** A channel's log by plain requests, which pass wherever anything passes: the floor that the ladder stands on. */
export class Log {
  readonly #http: Http;
  readonly #timeoutMs: number;

  constructor(http: Http, timeoutMs: number) {
    this.#http = http;
    this.#timeoutMs = timeoutMs;
  }

  /** Where the channel ends now. Also shows whether the server is reached, and whether it lets this caller read. @throws EverywireError */
  async position(channel: string, signal?: AbortSignal): Promise<string> {
    const { next } = await this.read(channel, { after: "latest", limit: 1 }, signal);
    return next;
  }

  /** @throws EverywireError */
  read(
    channel: string,
    { after = "earliest", limit }: ReadOptions = {},
    signal?: AbortSignal,
  ): Promise<Page> {
    assertChannelName(channel);
    return this.#http.json<Page>(`/channels/${channel}`, {
      query: { after, limit },
      timeoutMs: this.#timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Appends events, all or none, in their order. @throws EverywireError */
  async append(channel: string, events: readonly NewEvent[]): Promise<readonly Published[]> {
    const [only] = events;
    const isOne = events.length === 1;
    const answer = await this.#http.json<Published | readonly Published[]>(`/channels/${channel}`, {
      method: "POST",
      headers: JSON_HEADERS,
      body: JSON.stringify(isOne ? only : events),
      timeoutMs: this.#timeoutMs,
    });
    return isOne ? [answer as Published] : (answer as readonly Published[]);
  }

  /** @throws EverywireError */
  async presence(channel: string): Promise<readonly Member[]> {
    const path = `/channels/${channel}/presence`;
    const { members } = await this.#http.json<{ readonly members: readonly Member[] }>(path, {
      timeoutMs: this.#timeoutMs,
    });
    return members;
  }
}
