import type { LaneWire } from "./wire.ts";
import { connect } from "./wires/connect.ts";
import { durableStreams } from "./wires/durable-streams.ts";
import { graphqlSocket } from "./wires/graphql-socket.ts";
import { graphqlSse } from "./wires/graphql-sse.ts";
import { grpcWeb } from "./wires/grpc-web.ts";
import { jsonRpc } from "./wires/json-rpc.ts";
import { longPoll } from "./wires/long-poll.ts";
import { mqtt } from "./wires/mqtt.ts";
import { ndjson } from "./wires/ndjson.ts";
import { sse } from "./wires/sse.ts";
import { websocket } from "./wires/websocket.ts";
import { webtransport } from "./wires/webtransport.ts";

/** Every door that a browser can open, in the order of the lanes. */
export const WIRES: readonly LaneWire[] = [
  websocket,
  jsonRpc,
  graphqlSocket,
  mqtt,
  sse,
  ndjson,
  durableStreams,
  graphqlSse,
  connect,
  grpcWeb,
  longPoll,
  webtransport,
];
