import type { ExplorerDoor } from "./call.ts";
import { connect, grpcWeb } from "./doors/call-doors.ts";
import { graphqlSocket, graphqlSse } from "./doors/graphql-doors.ts";
import { durableStreams, http, longPoll, ndjson, queue, sse } from "./doors/http-doors.ts";
import { mqtt } from "./doors/mqtt-door.ts";
import { jsonRpc, tcp, websocket } from "./doors/socket-doors.ts";

/** Every door that the explorer can open. WebTransport is not among them: its frames are QUIC's, which no page sees. */
export const DOORS: readonly [ExplorerDoor, ...ExplorerDoor[]] = [
  http,
  sse,
  longPoll,
  ndjson,
  durableStreams,
  websocket,
  jsonRpc,
  graphqlSse,
  graphqlSocket,
  connect,
  grpcWeb,
  mqtt,
  tcp,
  queue,
];
