import { createHmac, randomUUID } from "node:crypto";
import type { RequestParts } from "../../../http-connection.ts";
import { toRequestText } from "../../../http-connection.ts";
import { ByteConnection } from "../byte-connection.ts";
import type { HttpMessage } from "../http-messages.ts";
import { HttpMessages, statusOf } from "../http-messages.ts";
import type { Place } from "../place.ts";
import type { OpenPublisher } from "../publisher.ts";
import { EVENT_TYPE } from "../publisher.ts";
import { encodePublish, toEnvelope } from "../rpc-messages.ts";
import { MUTATION } from "./graphql.ts";

/** What incoming webhooks are signed with: the server that is measured is given the same. */
export const WEBHOOK_SECRET = "everywire-lab";

const JSON_HEADERS = { "content-type": "application/json" };

/** A connection with one request under way. */
class Caller {
  readonly connection: ByteConnection;
  #answered = Promise.withResolvers<HttpMessage>();

  constructor(connection: ByteConnection) {
    this.connection = connection;
    const messages = new HttpMessages((message) => this.#answered.resolve(message));
    connection.onData = (chunk) => messages.push(chunk);
    connection.onEnd = (why) => this.#answered.reject(new Error(why));
  }

  call(request: string): Promise<HttpMessage> {
    this.#answered = Promise.withResolvers();
    this.connection.write(request);
    return this.#answered.promise;
  }
}

type ToParts = (
  channel: string,
  data: string,
  place: Place,
) => Omit<RequestParts, "url"> & { readonly path: string };

/** One request for each event, on as many kept connections as events may be under way. */
function createRequestPublisher(
  toParts: ToParts,
  isGood = (answer: HttpMessage) => statusOf(answer) < 300,
): OpenPublisher {
  return async (place, channel, concurrency) => {
    const open = async () => new Caller(await ByteConnection.open(place.httpPort, place.host));
    const callers = await Promise.all(Array.from({ length: concurrency }, open));
    const idle = [...callers];
    return {
      get traffic() {
        const all = callers.map(({ connection }) => connection.traffic);
        return {
          sentBytes: all.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
          receivedBytes: all.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0),
        };
      },
      send: async (data) => {
        const caller = idle.pop();
        if (caller === undefined) throw new Error("More is under way than was asked for.");
        const { path, ...parts } = toParts(channel, data, place);
        const answer = await caller.call(toRequestText({ ...parts, url: `${place.url}${path}` }));
        if (!isGood(answer)) throw new Error(`${path} was answered ${answer.head}${answer.body}`);
        idle.push(caller);
      },
      close: () => {
        for (const { connection } of callers) connection.close();
      },
    };
  };
}

const toPlain = (data: string) => `{"type":"${EVENT_TYPE}","data":${data}}`;

/** `POST /channels/{channel}`. */
export const publishHttp = createRequestPublisher((channel, data) => ({
  method: "POST",
  path: `/channels/${channel}`,
  headers: JSON_HEADERS,
  body: toPlain(data),
}));

/** `POST /v1/stream/{channel}` of a channel that is there. */
export const publishDurableStream = createRequestPublisher((channel, data) => ({
  method: "POST",
  path: `/v1/stream/${channel}`,
  headers: JSON_HEADERS,
  body: toPlain(data),
}));

/** `ChannelService/Publish`, by Connect in JSON. */
export const publishConnect = createRequestPublisher((channel, data) => ({
  method: "POST",
  path: "/everywire.v1.ChannelService/Publish",
  headers: { ...JSON_HEADERS, "connect-protocol-version": "1" },
  body: `{"channel":"${channel}","type":"${EVENT_TYPE}","data":${data}}`,
}));

/** The same by gRPC-Web in protobuf, whose status is at the end of the answer's body. */
export const publishGrpcWeb = createRequestPublisher(
  (channel, data) => ({
    method: "POST",
    path: "/everywire.v1.ChannelService/Publish",
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: toEnvelope(encodePublish(channel, data)).toString("latin1"),
  }),
  (answer) => statusOf(answer) === 200 && /grpc-status: ?0/.test(answer.body),
);

/** GraphQL's mutation over HTTP. */
export const publishGraphql = createRequestPublisher(
  (channel, data) => ({
    method: "POST",
    path: "/graphql",
    headers: JSON_HEADERS,
    body: `{"query":${JSON.stringify(MUTATION)},"variables":{"channel":"${channel}","data":${data}}}`,
  }),
  (answer) => answer.body.includes('"sequence"'),
);

/** `POST /queue/{channel}`: acknowledged when the queue has it, delivered afterwards. */
export const publishQueue = createRequestPublisher((channel, data) => ({
  method: "POST",
  path: `/queue/${channel}`,
  headers: JSON_HEADERS,
  body: toPlain(data),
}));

/** `POST /webhooks/in/github`, signed as GitHub signs; it goes to the channel `webhooks/github`. */
export const publishWebhook = createRequestPublisher((_channel, data) => {
  const body = `{"action":"${EVENT_TYPE}","data":${data}}`;
  const signature = createHmac("sha256", WEBHOOK_SECRET).update(body).digest("hex");
  return {
    method: "POST",
    path: "/webhooks/in/github",
    headers: {
      ...JSON_HEADERS,
      "x-github-event": EVENT_TYPE,
      "x-github-delivery": randomUUID(),
      "x-hub-signature-256": `sha256=${signature}`,
    },
    body,
  };
});

/** `POST /api/v1/posts`: a record is created, and its event written with it. */
export const publishRest = createRequestPublisher((_channel, data, place) => ({
  method: "POST",
  path: "/api/v1/posts",
  headers: { ...JSON_HEADERS, authorization: `Bearer ${place.token}` },
  body: `{"title":"${EVENT_TYPE}","content":${data}}`,
}));
