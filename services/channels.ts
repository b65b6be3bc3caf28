import type { ChannelName } from "../core/channel-name.ts";
import type { ErrorData } from "../core/error.ts";
import { EverywireError } from "../core/error.ts";
import type { Limits } from "../core/limits.ts";
import type {
  AppendRequest,
  Channels,
  Directory,
  HeldStream,
  HeldStreamRequest,
  Page,
} from "../core/ports.ts";
import type { Failure, Result } from "../core/result.ts";
import { unwrap } from "../core/result.ts";
import type { StreamAppended, StreamAppendRequest } from "../core/stream.ts";
import type { Channel } from "../durable-objects/channel.ts";
import type { LineOpening, SocketOpening, StreamOpening } from "../durable-objects/channel-entrance.ts";
import type { Directory as DirectoryObject } from "../durable-objects/directory.ts";
import type { Relay } from "../durable-objects/relay.ts";
import { CURSOR_HEADER, SOCKET_REQUEST_HEADER } from "../wire/feed-frame.ts";
import type { RelayReferral } from "../wire/relay-text.ts";
import { SEE_RELAY_STATUS, toRelayName } from "../wire/relay-text.ts";
import { decodeEventPage, decodeOutcomes, decodeReceipts, encodeAppends } from "../wire/rpc-text.ts";
import { encodeHeaderJson } from "../wire/socket-opening.ts";
import type { AppendOutcome, AppendSize, SendAppends } from "./append-batches.ts";
import { AppendBatches, sizeOfAppend } from "./append-batches.ts";
import { SocketAppendLine } from "./append-line.ts";
import { ChannelSubscription } from "./channel-subscription.ts";

/** Hands one channel the appends of one or of several requests. */
function createSendAppends(namespace: DurableObjectNamespace<Channel>): SendAppends {
  return async (channel, requests) =>
    decodeOutcomes<Failure>(await namespace.getByName(channel).append(encodeAppends(requests)));
}

function toSocket({ webSocket }: Response): WebSocket {
  if (webSocket === null) throw new Error("The channel answered 101 without a socket.");
  return webSocket;
}

function sizeOfStreamAppend({ body }: StreamAppendRequest): AppendSize {
  return { events: 1, chars: body.byteLength };
}

function toPage(answer: string | Failure): Page {
  if (typeof answer !== "string") throw EverywireError.fromData(answer.error);
  return decodeEventPage(answer);
}

/** Where the objects of channels are. */
export interface ChannelObjects {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
  readonly RELAY: DurableObjectNamespace<Relay>;
}

/** How often an opening is sent on: a relay may have filled up meanwhile. */
const MAX_REFERRALS = 5;

interface ChannelsOptions {
  /** Whether channels write to readers themselves, where a wire lets them. */
  readonly holdsStreams?: boolean;
  /**
   * Keeps a request alive; where it is given, appends that come while one is under way go together
   * (`append-batches.ts`). A Durable Object has no requests that come beside each other, and gives none.
   */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
}

/** The channels, each in a Durable Object of its name. */
export function createChannels(
  { CHANNEL: namespace, RELAY: relays }: ChannelObjects,
  limits: Limits,
  { holdsStreams = false, waitUntil }: ChannelsOptions = {},
): Channels {
  const ask = async (
    channel: ChannelName,
    opening: SocketOpening | StreamOpening | LineOpening,
    headers: Readonly<Record<string, string>>,
  ): Promise<Response> => {
    const init = { headers: { ...headers, [SOCKET_REQUEST_HEADER]: encodeHeaderJson(opening) } };
    let response = await namespace.getByName(channel).fetch("https://channel/", init);
    for (let sent = 0; response.status === SEE_RELAY_STATUS && sent < MAX_REFERRALS; sent += 1) {
      const { relay } = (await response.json()) as RelayReferral;
      response = await relays.getByName(toRelayName(channel, relay)).fetch("https://relay/", init);
    }
    if (response.status === SEE_RELAY_STATUS)
      throw new EverywireError("unavailable", "No relay has room now.");
    if (response.status >= 400) throw EverywireError.fromData((await response.json()) as ErrorData);
    return response;
  };
  const open = (channel: ChannelName, opening: SocketOpening | LineOpening) =>
    ask(channel, opening, { upgrade: "websocket" });
  const openStream = async (
    channel: ChannelName,
    request: HeldStreamRequest,
  ): Promise<HeldStream | undefined> => {
    const { body, headers } = await ask(channel, { kind: "stream", ...request }, {});
    // Without one the channel holds as many as it may.
    return body === null ? undefined : { body, cursor: headers.get(CURSOR_HEADER) ?? "" };
  };
  const send = createSendAppends(namespace);
  const sendToStream: SendAppends<StreamAppendRequest, Result<StreamAppended>> = (channel, requests) =>
    namespace.getByName(channel).appendToStream(requests);
  const turns = waitUntil && { waitUntil, yieldTurn: () => scheduler.wait(0) };
  const batches = turns && new AppendBatches(send, turns, sizeOfAppend);
  const streamBatches = turns && new AppendBatches(sendToStream, turns, sizeOfStreamAppend);
  const sendOne = async (channel: ChannelName, request: AppendRequest): Promise<AppendOutcome> => {
    const [outcome = ""] = await send(channel, [request]);
    return outcome;
  };
  return {
    append: async (channel, request) => {
      const outcome = await (batches?.append(channel, request) ?? sendOne(channel, request));
      if (typeof outcome !== "string") throw EverywireError.fromData(outcome.error);
      return decodeReceipts(outcome);
    },
    openAppendLine: async (channel) =>
      new SocketAppendLine(toSocket(await open(channel, { kind: "appends" }))),
    broadcast: async (channel, events, rateKey) => {
      unwrap(await namespace.getByName(channel).broadcast(events, rateKey));
    },
    takeRate: async (channel, rateKey, cost) => {
      unwrap(await namespace.getByName(channel).takeRate(rateKey, cost));
    },
    read: async (channel, request) => toPage(await namespace.getByName(channel).readText(request)),
    wait: async (channel, request) => toPage(await namespace.getByName(channel).waitText(request)),
    subscribe: async (channel, { after }) => {
      const socket = toSocket(await open(channel, { kind: "feed", after }));
      return new ChannelSubscription(socket, limits.MAX_READER_BUFFER_BYTES);
    },
    ...(holdsStreams ? { openStream } : {}),
    openSocket: (channel, request) => open(channel, { kind: "client", ...request }),
    presence: async (channel) => namespace.getByName(channel).presence(),
    delete: async (channel) => unwrap(await namespace.getByName(channel).delete()),
    createStream: async (channel, request) =>
      unwrap(await namespace.getByName(channel).createStream(request)),
    appendToStream: async (channel, request) => {
      if (streamBatches !== undefined) return unwrap(await streamBatches.append(channel, request));
      const [outcome] = await sendToStream(channel, [request]);
      if (outcome === undefined) throw new Error("The channel gave no outcome.");
      return unwrap(outcome);
    },
    readStream: async (channel, request) => unwrap(await namespace.getByName(channel).readStream(request)),
    describeStream: async (channel) => unwrap(await namespace.getByName(channel).describeStream()),
  };
}

/** Which channels exist, asked of the one directory object. */
export function createDirectory(namespace: DurableObjectNamespace<DirectoryObject>): Directory {
  return {
    list: async (request) => namespace.getByName("main").list(request),
    match: async (glob, afterName, limit) => namespace.getByName("main").match(glob, afterName, limit),
  };
}
