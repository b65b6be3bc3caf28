export { connect } from "./connect.ts";
export { ERROR_CODES, type ErrorCode, EverywireError, parseError } from "./error.ts";
export type { CloudEvent, Gap, GapEvent, NewEvent, Published } from "./event.ts";
export type {
  ConnectOptions,
  LadderStorage,
  SubscribeOptions,
  Timing,
  WebSocketConstructor,
  WebTransportSettings,
} from "./options.ts";
export type { ChannelSchema, OutputOf, StandardSchema } from "./schema.ts";
export { TRANSPORT_NAMES, type TransportName } from "./transport.ts";
export type {
  Channel,
  Client,
  ClientStats,
  Fallback,
  Member,
  Page,
  Presence,
  ReadOptions,
  SessionStats,
  Subscription,
  SubscriptionState,
  SubscriptionStats,
  TypedEvent,
  TypedNewEvent,
} from "./types.ts";
