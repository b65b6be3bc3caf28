/** The named limits (CONTRACT §6). Every one is settable by an environment variable of the same name. */
export interface Limits {
  /** One event, as it is stored (CloudEvents JSON), in bytes. */
  readonly MAX_EVENT_BYTES: number;
  /** Events in one batch publish. */
  readonly MAX_BATCH_EVENTS: number;
  readonly MAX_BATCH_BYTES: number;
  /** Messages in one append to a stream in JSON mode: a client of that wire collects what it was given meanwhile. */
  readonly MAX_APPEND_MESSAGES: number;
  readonly MAX_REQUEST_BYTES: number;
  readonly MAX_UPLOAD_BYTES: number;
  /** Publishes each second, per identity and channel. */
  readonly PUBLISHES_PER_SECOND: number;
  /** Requests each second, per identity. */
  readonly REQUESTS_PER_SECOND: number;
  /** Events that a channel keeps; the oldest go first. */
  readonly RETENTION_MAX_EVENTS: number;
  /** Seconds that a channel keeps an event. */
  readonly RETENTION_MAX_AGE_SECONDS: number;
  /** Seconds for which a published `id` + `source` is remembered, also when the event itself is gone. */
  readonly DEDUPE_WINDOW_SECONDS: number;
  /** Bytes that a streaming function holds for a reader that does not read. */
  readonly MAX_READER_BUFFER_BYTES: number;
  /** Bytes sent on a socket that were not confirmed by a `pong`, where the reader has ever sent one. */
  readonly MAX_UNCONFIRMED_BYTES: number;
  /** The same for a reader that never answered a `ping`. */
  readonly MAX_SILENT_UNCONFIRMED_BYTES: number;
  /** Seconds between two signs of life on a stream. */
  readonly HEARTBEAT_SECONDS: number;
  /** Streams that one channel writes itself; further readers are answered by functions (`FEED_STREAMS`). */
  readonly MAX_HELD_STREAMS: number;
  /** Seconds that a long poll may ask for. */
  readonly MAX_POLL_SECONDS: number;
  /** Events in one page of a read. */
  readonly MAX_PAGE_EVENTS: number;
  /** Words and marks in one GraphQL document: the parser stops there. */
  readonly MAX_QUERY_TOKENS: number;
  /** Fields inside fields of a GraphQL operation. */
  readonly MAX_QUERY_DEPTH: number;
  readonly MAX_QUERY_ALIASES: number;
  /** Objects that a GraphQL operation can ask for, its lists counted as long as they may become. */
  readonly MAX_QUERY_COST: number;
  /** Rows in one import. */
  readonly MAX_JOB_ROWS: number;
  /** Live subscriptions over one connection, where a wire has several. */
  readonly MAX_SOCKET_SUBSCRIPTIONS: number;
  /** Channels in one composite subscription. */
  readonly MAX_SUBSCRIBED_CHANNELS: number;
  /** Seconds between an order's steps, and before the first. */
  readonly ORDER_STEP_SECONDS: number;
  /** Messages that one lease may ask for. */
  readonly MAX_LEASED_MESSAGES: number;
  /** Messages of one consumer group that were handed out and are not settled. */
  readonly MAX_UNSETTLED_MESSAGES: number;
  /** Seconds that a lease may last. */
  readonly MAX_LEASE_SECONDS: number;
  /** How often a consumer group hands out one message before it is a dead letter. */
  readonly MAX_LEASE_ATTEMPTS: number;
  /** Members whose coming and going is announced; above it they are counted, since n joins make n*n events. */
  readonly MAX_ANNOUNCED_MEMBERS: number;
  /** Webhook endpoints of one owner. */
  readonly MAX_WEBHOOK_ENDPOINTS: number;
  /** Deliveries that an endpoint's log keeps; the oldest go first. */
  readonly WEBHOOK_LOG_ENTRIES: number;
  /** Seconds that a receiver of webhooks has for its answer. */
  readonly WEBHOOK_TIMEOUT_SECONDS: number;
  /** The longest wait after the first attempt that failed, in milliseconds; it grows with each. */
  readonly WEBHOOK_FIRST_RETRY_MS: number;
  /** How much longer the wait is after each attempt: 200 doubles it. */
  readonly WEBHOOK_RETRY_GROWTH_PERCENT: number;
  /** It grows no longer than this. */
  readonly WEBHOOK_MAX_RETRY_MS: number;
  /** A `Retry-After` that asks for more is taken for this. */
  readonly WEBHOOK_MAX_RETRY_AFTER_SECONDS: number;
  /** Answers that are no 2xx, or do not come in time, before an event is a dead letter. */
  readonly WEBHOOK_MAX_ATTEMPTS: number;
  /** Seconds for which a receiver that cannot be reached at all is tried before an event is a dead letter. */
  readonly WEBHOOK_UNREACHABLE_SECONDS: number;
  /** Dead letters in a row before an endpoint is disabled. */
  readonly WEBHOOK_DISABLE_AFTER: number;
  /** One MQTT packet, in bytes: an event and what MQTT says around it. */
  readonly MAX_MQTT_PACKET_BYTES: number;
  /** QoS 1 and 2 messages that are on their way at once, in each direction of an MQTT session. */
  readonly MAX_MQTT_INFLIGHT: number;
  readonly MAX_MQTT_SUBSCRIPTIONS: number;
  /** The longest keep-alive of an MQTT 5 client, in seconds: how long one that is gone may go unnoticed. */
  readonly MAX_MQTT_KEEP_ALIVE_SECONDS: number;
  /** Seconds for which an MQTT session is kept without a connection, whatever its client asks for. */
  readonly MAX_MQTT_SESSION_SECONDS: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_LIMITS: Limits = {
  MAX_EVENT_BYTES: 256 * KIB,
  MAX_BATCH_EVENTS: 100,
  MAX_BATCH_BYTES: MIB,
  MAX_APPEND_MESSAGES: 10_000,
  MAX_REQUEST_BYTES: MIB,
  MAX_UPLOAD_BYTES: 5 * MIB,
  PUBLISHES_PER_SECOND: 60,
  REQUESTS_PER_SECOND: 120,
  RETENTION_MAX_EVENTS: 100_000,
  RETENTION_MAX_AGE_SECONDS: 7 * 24 * 3600,
  DEDUPE_WINDOW_SECONDS: 600,
  MAX_READER_BUFFER_BYTES: MIB,
  MAX_UNCONFIRMED_BYTES: 8 * MIB,
  MAX_SILENT_UNCONFIRMED_BYTES: 64 * MIB,
  HEARTBEAT_SECONDS: 10,
  MAX_HELD_STREAMS: 4000,
  MAX_POLL_SECONDS: 60,
  MAX_PAGE_EVENTS: 1000,
  MAX_QUERY_TOKENS: 2000,
  MAX_QUERY_DEPTH: 10,
  MAX_QUERY_ALIASES: 50,
  MAX_QUERY_COST: 10_000,
  MAX_JOB_ROWS: 100_000,
  MAX_SOCKET_SUBSCRIPTIONS: 64,
  MAX_SUBSCRIBED_CHANNELS: 16,
  ORDER_STEP_SECONDS: 1,
  MAX_LEASED_MESSAGES: 100,
  MAX_UNSETTLED_MESSAGES: 1000,
  MAX_LEASE_SECONDS: 12 * 3600,
  MAX_LEASE_ATTEMPTS: 5,
  MAX_ANNOUNCED_MEMBERS: 100,
  MAX_WEBHOOK_ENDPOINTS: 100,
  WEBHOOK_LOG_ENTRIES: 10_000,
  WEBHOOK_TIMEOUT_SECONDS: 15,
  WEBHOOK_FIRST_RETRY_MS: 1000,
  WEBHOOK_RETRY_GROWTH_PERCENT: 200,
  WEBHOOK_MAX_RETRY_MS: 3600 * 1000,
  WEBHOOK_MAX_RETRY_AFTER_SECONDS: 3600,
  WEBHOOK_MAX_ATTEMPTS: 20,
  WEBHOOK_UNREACHABLE_SECONDS: 24 * 3600,
  WEBHOOK_DISABLE_AFTER: 5,
  MAX_MQTT_PACKET_BYTES: 512 * KIB,
  MAX_MQTT_INFLIGHT: 256,
  MAX_MQTT_SUBSCRIPTIONS: 500,
  MAX_MQTT_KEEP_ALIVE_SECONDS: 60,
  MAX_MQTT_SESSION_SECONDS: 30 * 24 * 3600,
};

export const LIMIT_NAMES = Object.keys(DEFAULT_LIMITS) as readonly (keyof Limits)[];
