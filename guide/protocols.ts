import type { Protocol, ProtocolId } from "./protocol.ts";
import { amqp } from "./protocols/amqp.ts";
import { connect } from "./protocols/connect.ts";
import { durableStreams } from "./protocols/durable-streams.ts";
import { graphql } from "./protocols/graphql.ts";
import { grpc } from "./protocols/grpc.ts";
import { http } from "./protocols/http.ts";
import { jsonRpc } from "./protocols/json-rpc.ts";
import { longPoll } from "./protocols/long-poll.ts";
import { mqtt } from "./protocols/mqtt.ts";
import { ndjson } from "./protocols/ndjson.ts";
import { queue } from "./protocols/queue.ts";
import { rest } from "./protocols/rest.ts";
import { sse } from "./protocols/sse.ts";
import { tcp } from "./protocols/tcp.ts";
import { udp } from "./protocols/udp.ts";
import { webhooks } from "./protocols/webhooks.ts";
import { websocket } from "./protocols/websocket.ts";
import { webtransport } from "./protocols/webtransport.ts";

/** Every protocol of the guide, in the order of the matrix's rows: from asking to being told, then between servers. */
export const PROTOCOLS: readonly Protocol[] = [
  rest,
  http,
  longPoll,
  sse,
  ndjson,
  durableStreams,
  websocket,
  webtransport,
  graphql,
  connect,
  grpc,
  jsonRpc,
  mqtt,
  tcp,
  udp,
  webhooks,
  queue,
  amqp,
];

/** The protocol of an id. */
export function protocolOf(id: ProtocolId): Protocol {
  const found = PROTOCOLS.find((protocol) => protocol.id === id);
  if (found === undefined) throw new Error(`The guide has no protocol '${id}'.`);
  return found;
}
